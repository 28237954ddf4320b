// xenring netfront: gives this guest a network interface without the kernel's xen-netfront.
#include "daemon_run.hpp"
#include "netfront_relay.hpp"

#include <xenring/frontend/netfront.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::tools {
namespace {

struct netfront_arguments {
    std::uint32_t device = 0;
    std::string tap = "xr0";
    std::size_t queues = 1;
    bool without_gso = false;
    bool untrusted = false;
    std::vector<std::string> groups; ///< addresses of multicast groups; all if there are none
};

/// Pages of each direction, that all queues have together: a ring full for one or two, and never
/// more than Linux lets programs grant by default, which is 1024 with those of the rings.
constexpr std::size_t pages_for(std::size_t queues) {
    constexpr std::size_t ring = 256, most = 448;
    return std::min(queues * ring, most);
}

/// Nothing, or why it is no address of a multicast group.
std::string check_group(const std::string& text) {
    const auto mac = frontend::parse_mac(text);
    constexpr unsigned group_bit = 1;
    return mac && ((*mac)[0] & group_bit) != 0 ? "" : text + " is no multicast address";
}

/// Both would write into the same directory.
bool kernel_serves(const hypervisor& machine, std::uint32_t device) {
    std::error_code ignored;
    return machine.kind() == "xen" &&
           std::filesystem::exists("/sys/bus/xen/drivers/vif/vif-" + std::to_string(device),
                                   ignored);
}

/// Connects, relays until the backend goes away, and connects again; until the device itself is
/// gone.
class netfront_run final : daemon_run {
public:
    netfront_run(const global_options& global, const netfront_arguments& arguments)
        : daemon_run{global}, arguments_{arguments} {
        frontend::netfront_options options;
        const bool gso = !arguments.without_gso;
        options.takes = {true, true, gso, gso};
        options.trust = !arguments.untrusted;
        options.headroom = 0;
        options.queues = arguments.queues;
        options.tx_pages = options.rx_pages = pages_for(arguments.queues);
        options.device_changed = [this] { follow_device(); };
        options.log = log();
        options.filter_multicast = !arguments.groups.empty();
        net_.emplace(here_, std::move(options));
        join_groups();
    }

    int run() {
        if (kernel_serves(here_.hypervisor(), arguments_.device)) {
            complain("the kernel's xen-netfront has this device; run 'echo vif-" +
                     std::to_string(arguments_.device) +
                     " > /sys/bus/xen/drivers/vif/unbind' first, or unload xen-netfront");
            return failure;
        }
        connect();
        return serve();
    }

private:
    /// Of every connection to come.
    void join_groups() {
        for (const auto& each : arguments_.groups)
            net_->async_join(frontend::parse_mac(each).value(), [each](const error_code& ec) {
                if (ec)
                    complain("cannot join " + each + ": " + ec.message());
            });
    }

    void connect() {
        net_->async_connect(arguments_.device, [this](const error_code& ec) {
            if (stopping_)
                return;
            if (ec) {
                complain("cannot connect device " + std::to_string(arguments_.device) + ": " +
                         (net_->problem().empty() ? "" : net_->problem() + ": ") + ec.message());
                return end(failure);
            }
            relay();
        });
    }

    void relay() {
        if (!relay_) {
            error_code ec;
            relay_ =
                std::make_shared<netfront_relay>(*net_, arguments_.tap, arguments_.queues > 1, ec);
            if (ec) {
                complain("cannot set up " + arguments_.tap + ": " + ec.message());
                relay_.reset();
                return end(failure);
            }
        }
        remark(global_, arguments_.tap + " is connected to device " +
                            std::to_string(arguments_.device) + ", " +
                            frontend::to_text(net_->device().mac) +
                            ", queues: " + std::to_string(net_->queue_count()));
        if (!arguments_.groups.empty() && !net_->device().multicast_control)
            complain("the backend has no multicast control, so all multicast frames come");
        relay_->start([this](const error_code& ec) {
            if (stopping_)
                return;
            if (ec == condition::peer_gone || ec == condition::peer_misbehaved) {
                complain("the backend is gone: " + ec.message());
                return connect();
            }
            complain(ec.message());
            end(failure);
        });
    }

    void follow_device() {
        const auto& device = net_->device();
        remark(global_, std::string{"the carrier is "} + (device.carrier ? "up" : "down") +
                            ", the MTU " + std::to_string(device.mtu));
        error_code ec;
        if (relay_)
            relay_->follow_device(ec);
        if (ec)
            complain("cannot set the MTU of " + arguments_.tap + ": " + ec.message());
    }

    void stop() override { end(status_); }

    void end(int status) {
        if (std::exchange(stopping_, true))
            return;
        status_ = status;
        if (relay_)
            relay_->stop();
        ignore_signals();
        net_->async_close([this](const error_code&) { relay_.reset(); });
    }

    void report() override {
        const auto& queues = net_->queue_statistics();
        for (std::size_t i = 0; i != queues.size(); ++i) {
            const auto which = queues.size() == 1 ? "" : "queue " + std::to_string(i) + ' ';
            show(which + "out", queues[i].tx);
            show(which + "in", queues[i].rx);
        }
        if (relay_) {
            show("lost on the way out", relay_->lost_out());
            show("lost on the way in", relay_->lost_in());
        }
    }

    static void show(const std::string& name, const relay_losses& lost) {
        complain(name + ": too large " + std::to_string(lost.too_large) + ", unusable " +
                 std::to_string(lost.unusable) + ", refused " + std::to_string(lost.refused));
    }

    static void show(const std::string& name, const frontend::flow_statistics& flow) {
        complain(name + ": packets " + std::to_string(flow.packets) + ", bytes " +
                 std::to_string(flow.bytes) + ", segmented " + std::to_string(flow.segmented) +
                 ", rejected " + std::to_string(flow.rejected) + ", events " +
                 std::to_string(flow.events) + ", notified " + std::to_string(flow.notified));
    }

    netfront_arguments arguments_;
    std::optional<frontend::netfront> net_;
    std::shared_ptr<netfront_relay> relay_;
    bool stopping_ = false;
};

} // namespace

void add_netfront_command(CLI::App& app, const global_options& options, int& status) {
    auto* command = app.add_subcommand(
        "netfront", "Give this guest an interface for one of its vifs, without the kernel's "
                    "xen-netfront; SIGUSR1 shows what was counted");
    auto arguments = std::make_shared<netfront_arguments>();
    command->add_option("--device", arguments->device, "Which vif of this guest (0)")
        ->type_name("N");
    command->add_option("--tap", arguments->tap, "The interface's name (xr0)")->type_name("NAME");
    command->add_option("--queues", arguments->queues, "Queues to have at most (1)")
        ->check(CLI::Range(1, 16))
        ->type_name("N");
    command->add_flag("--no-gso", arguments->without_gso, "Take no frames that are to be cut");
    command->add_flag("--untrusted", arguments->untrusted,
                      "Copy every frame before it is looked at, whatever the toolstack says");
    command
        ->add_option("--multicast", arguments->groups,
                     "Have the backend hold back multicast frames but those to this address "
                     "(repeatable)")
        ->check(check_group)
        ->type_name("MAC");
    command->callback([&options, &status, arguments] {
        status = netfront_run{options, *arguments}.run();
    });
}

} // namespace xenring::tools
