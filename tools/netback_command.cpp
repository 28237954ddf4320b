// xenring netback: serves the network devices of guests.
#include "daemon_run.hpp"
#include "netback_arguments.hpp"
#include "service_notice.hpp"
#include "statistics_socket.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::tools {
namespace {

/// Both would write into the same directories.
bool kernel_serves(const hypervisor& machine) {
    std::error_code ignored;
    return machine.kind() == "xen" && std::filesystem::exists("/sys/module/xen_netback", ignored);
}

class netback_run final : daemon_run {
public:
    netback_run(const global_options& global, netback_arguments arguments)
        : daemon_run{global}, file_{arguments.statistics_file} {
        auto& options = arguments.options;
        options.ready = [] { notify_service_manager("READY=1"); };
        options.appeared = [this](const std::string& vif) {
            if (kernel_serves(here_.hypervisor()))
                complain(vif + ": the kernel's xen-netback was loaded meanwhile and serves it too; "
                               "run 'modprobe -r xen-netback'");
        };
        options.log = log();
        netback_ = std::make_shared<backend::netback>(here_, std::move(options));
        if (!arguments.statistics.empty())
            statistics_.emplace(io_, arguments.statistics, [this] { return text(); });
        remark(global_, here_.hypervisor().description());
    }

    int run() {
        if (kernel_serves(here_.hypervisor())) {
            complain("the kernel's xen-netback is loaded and serves the same devices; run "
                     "'modprobe -r xen-netback' and keep it from being loaded "
                     "('blacklist xen-netback' in /etc/modprobe.d)");
            return failure;
        }
        netback_->start([this](const error_code& ec) {
            if (ec)
                complain("netback ended: " + ec.message());
            status_ = ec ? failure : status_;
            ignore_signals();
            statistics_.reset();
        });
        return serve();
    }

private:
    void stop() override {
        notify_service_manager("STOPPING=1");
        write_file(); // while the vifs are still there
        netback_->stop();
    }

    std::string text() const {
        std::vector<backend::named_statistics> all;
        for (const auto& vif : netback_->vifs())
            for (std::size_t queue = 0; queue != vif.queues.size(); ++queue)
                all.push_back({vif.name, queue, vif.queues[queue]});
        return backend::prometheus_text(all);
    }

    void report() override {
        if (file_.empty())
            for (const auto& vif : netback_->vifs())
                complain(vif.name + ": " + describe(vif.counts));
        write_file();
    }

    void write_file() const {
        error_code ec;
        if (!file_.empty())
            write_statistics(file_, text(), ec);
        if (ec)
            complain("write " + file_ + ": " + ec.message());
    }

    std::string file_;
    std::shared_ptr<backend::netback> netback_;
    std::optional<statistics_socket> statistics_;
};

} // namespace

void add_netback_command(CLI::App& app, const global_options& options, int& status) {
    auto* command = app.add_subcommand(
        "netback", "Serve the vifs of guests, each with a TAP vifD.N, in place of the kernel's "
                   "xen-netback; SIGUSR1 shows what was counted");
    auto arguments = std::make_shared<netback_arguments>();
    add_netback_options(*command, *arguments);
    command->callback([&options, &status, arguments] {
        status = netback_run{options, *arguments}.run();
    });

    auto* show = app.add_subcommand("stat", "Show what a netback counted (its --statistics)");
    auto where = std::make_shared<std::string>();
    auto raw = std::make_shared<bool>(false);
    show->add_option("socket", *where, "The socket")->required()->type_name("SOCKET");
    show->add_flag("--prometheus", *raw, "As it comes: Prometheus' text");
    show->callback([where, raw] { print_statistics(*where, *raw); });
}

} // namespace xenring::tools
