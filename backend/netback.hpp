#pragma once

/// Serves the network devices of guests: the backend of every vif in this domain.

#include <xenring/backend/device_finder.hpp>
#include <xenring/backend/vif.hpp>
#include <xenring/backend/xenbus_device.hpp>
#include <xenring/grant/domain.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace xenring::backend {

/// Takes every vif that a toolstack makes for this domain, as Linux's xen-netback does, and gives
/// it a TAP called vifD.N. Each vif stands and falls alone.
///
///     domain here{io.get_executor()};
///     auto serving = std::make_shared<backend::netback>(here, backend::netback::options{});
///     serving->start([](const error_code& ec) { ... });
///     io.run();
///
/// Runs until stop(), or until the store is gone. Keep it until it has ended.
/// Thread safety: everything on the executor.
class netback : public std::enable_shared_from_this<netback> {
public:
    struct options {
        vif_features features;
        std::vector<feature_rule> feature_rules; ///< for single devices; applied after `features`
        queue_limits limits;
        /// A bridge to put every TAP into; empty: a hotplug script looks after the interface, and
        /// no vif is connected before it said so in the store.
        std::string bridge;
        /// Frames that wait in a new TAP, for each of its queues, until the guest has room. The
        /// largest have 64 KiB: 16 MiB then.
        std::size_t tap_queue = 256;
        /// Pages of all guests together that may stay mapped as static grants.
        std::size_t most_static_grants = mapping_budget::usual();
        /// Another kind of interface than a TAP.
        frame_port_opener open_port;
        /// A file for the frames of all vifs, or of each.
        capture_options capture;
        std::chrono::milliseconds close_limit{ring::xenbus_close_limit};
        std::function<void(bool trouble, const std::string&)> log;
        /// Called for each vif that is found, with its label.
        std::function<void(const std::string&)> appeared;
        /// Called once: from now on no vif is overlooked.
        std::function<void()> ready;
    };
    using ended_handler = std::function<void(const error_code&)>;

    netback(const domain& here, options chosen);
    ~netback();

    /// `ended` is called once: after stop() when every vif is closed, or with errc::store_gone.
    void start(ended_handler ended);

    /// Closes every vif in order. A guest that does not answer has options::close_limit.
    void stop();

    /// A vif as it stands.
    struct report {
        std::string name;
        ring::backend_phase phase;
        vif_statistics counts; ///< of all queues
        std::vector<vif_statistics> queues;
    };
    std::vector<report> vifs() const;

private:
    struct served {
        std::shared_ptr<xenbus_device> device;
        vif* driver;
    };
    using key = std::pair<domid, std::uint32_t>;
    void found(const std::vector<device_names>& names);
    void serve(const device_names& names);
    void finished(const key& which);
    void end_if_done();
    void log(bool trouble, const std::string& text) const;

    domain here_;
    options options_;
    std::shared_ptr<vif_workshop> workshop_;
    std::shared_ptr<device_finder> finder_;
    std::map<key, served> vifs_;
    ended_handler ended_;
    error_code reason_;
    bool makes_taps_ = false;
    bool stopping_ = false;
};

} // namespace xenring::backend
