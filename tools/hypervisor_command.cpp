// xenring hypervisor | status | destroy: the stand-in by itself, for several terminals.
#include "common.hpp"
#include "stand_in.hpp"

#include <xenring/grant/local/control.hpp>
#include <xenring/grant/local/server.hpp>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/core.h>

#include <csignal>
#include <filesystem>
#include <memory>

namespace xenring::tools {
namespace {

int serve(const global_options& options) {
    const auto directory = stand_in(options).directory;
    std::filesystem::create_directories(directory);
    boost::asio::io_context io{1};
    boost::asio::signal_set ending{io, SIGINT, SIGTERM};
    local::server server{io.get_executor(), directory};
    int status = success;
    ending.async_wait([&](error_code, int signal) {
        status = signal == SIGTERM ? success : by_signal + signal;
        server.close();
        io.stop();
    });
    fmt::print(stderr,
               "The stand-in hypervisor runs in {0}. In other terminals:\n"
               "  xenring --hypervisor local:{0} --domid 1 vchan listen 2 chat\n"
               "  xenring --hypervisor local:{0} --domid 2 vchan connect 1 chat\n"
               "  XENSTORED_PATH={0}/store/0 xenstore-ls\n",
               directory);
    io.run();
    return status;
}

int show_status(const global_options& options) {
    local::control control{stand_in(options).directory};
    fmt::print("{:>6} {:>10} {:>8} {:>9} {:>7} {:>6} {:>8} {:>6}\n", "domid", "processes",
               "granted", "deferred", "mapped", "ports", "watches", "nodes");
    for (const auto& each : control.statistics().domains)
        fmt::print("{:>6} {:>10} {:>8} {:>9} {:>7} {:>6} {:>8} {:>6}\n", each.domain.value,
                   each.processes, each.pages_granted, each.pages_deferred, each.pages_mapped,
                   each.ports, each.watches, each.store_nodes);
    return success;
}

} // namespace

void add_hypervisor_commands(CLI::App& app, const global_options& options, int& status) {
    auto* hypervisor =
        app.add_subcommand("hypervisor", "Run the stand-in hypervisor until it is told to end");
    hypervisor->callback([&] { status = serve(options); });

    auto* show = app.add_subcommand("status", "What each domain of the stand-in holds");
    show->callback([&] { status = show_status(options); });

    auto* destroy = app.add_subcommand(
        "destroy", "End a whole domain of the stand-in, as 'xl destroy' does on Xen");
    auto number = std::make_shared<std::uint16_t>();
    destroy->add_option("DOMID", *number, "The domain")
        ->required()
        ->check(CLI::Range(1, first_reserved_domid - 1));
    destroy->callback([&, number] {
        local::control{stand_in(options).directory}.destroy(domid{*number});
        status = success;
    });
}

} // namespace xenring::tools
