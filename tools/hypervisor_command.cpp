// xenring hypervisor | status | destroy: the stand-in by itself, for several terminals.
#include "common.hpp"
#include "stand_in.hpp"

#include <xenring/grant/local/control.hpp>
#include <xenring/grant/local/runtime_directory.hpp>
#include <xenring/grant/local/server.hpp>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/core.h>

#include <cerrno>
#include <csignal>
#include <memory>

namespace xenring::tools {
namespace {

/// Of the stand-in itself: these commands are no domain of it.
std::string directory_of(const global_options& options) {
    if (options.domain)
        throw usage_problem{"--domid means nothing to this command, which is no domain"};
    return stand_in(options).directory;
}

std::string why_not_there(const std::string& directory, const error_code& problem) {
    if (problem == errno_code(EADDRINUSE))
        return "a stand-in hypervisor runs in " + directory +
               " already: use it, or name another directory with --hypervisor local:DIRECTORY";
    if (problem == errc::foreign_directory)
        return "cannot run the stand-in in " + shortened(directory) + ": " +
               shortened(local::foreign_path(directory)) +
               " was not made by one; move it away, or name another directory with --hypervisor "
               "local:DIRECTORY";
    auto text = "cannot run the stand-in in " + shortened(directory) + ": " + problem.message();
    if (problem == errno_code(EACCES) || problem == errno_code(EPERM) ||
        problem == errno_code(EROFS))
        text += "; name a directory of yours: xenring --hypervisor local:DIRECTORY hypervisor";
    return text;
}

int serve(const global_options& options) {
    const auto directory = directory_of(options);
    boost::asio::io_context io{1};
    boost::asio::signal_set ending{io, SIGINT, SIGTERM};
    error_code problem;
    local::server server{io.get_executor(), directory, local::machine{}, problem};
    if (problem) {
        complain(why_not_there(directory, problem));
        return failure;
    }
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

std::unique_ptr<local::control> control_of(const global_options& options) {
    const auto directory = directory_of(options);
    error_code ec;
    auto out = std::make_unique<local::control>(directory, ec);
    throw_if(ec, ec == errc::no_hypervisor ? none_runs_in(directory)
                                           : "control the stand-in in " + directory);
    return out;
}

void must_have_answered(const global_options& options, const std::string& asked,
                        const error_code& ec) {
    const auto directory = directory_of(options);
    throw_if(ec, ec == errc::timed_out ? "the stand-in in " + directory +
                                             " does not answer; let it go on if it is stopped, or "
                                             "end it and start it again"
                                       : asked);
}

int show_status(const global_options& options) {
    const auto control = control_of(options);
    error_code ec;
    const auto all = control->statistics(ec);
    must_have_answered(options, "ask the stand-in for its statistics", ec);
    fmt::print("{:>6} {:>10} {:>8} {:>9} {:>7} {:>6} {:>8} {:>6}\n", "domid", "processes",
               "granted", "deferred", "mapped", "ports", "watches", "nodes");
    for (const auto& each : all.domains)
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
        error_code ec;
        control_of(options)->destroy(domid{*number}, ec);
        must_have_answered(options, "destroy domain " + std::to_string(*number), ec);
        status = success;
    });
}

} // namespace xenring::tools
