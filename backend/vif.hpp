#pragma once

/// A vif: the driver of one guest's network device.

#include <xenring/backend/capture.hpp>
#include <xenring/backend/control_channel.hpp>
#include <xenring/backend/copy_batch.hpp>
#include <xenring/backend/feature_rules.hpp>
#include <xenring/backend/mapping_budget.hpp>
#include <xenring/backend/multicast_filter.hpp>
#include <xenring/backend/netback_queue.hpp>
#include <xenring/backend/vif_features.hpp>
#include <xenring/backend/vif_keys.hpp>
#include <xenring/backend/vif_statistics.hpp>
#include <xenring/backend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/net/frame_port.hpp>
#include <xenring/ring/xenbus_backend.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace xenring::backend {

/// Opens the interface of a vif.
using frame_port_opener =
    std::function<std::unique_ptr<net::frame_port>(const device_names&, error_code&)>;

/// What the vifs of one executor have in common; they take turns in using it.
struct vif_workshop {
    domain here;
    port_set ports;
    copy_batch batch;
    std::shared_ptr<mapping_budget> budget; ///< for static grants

    vif_workshop(const domain& where, std::size_t most_static_grants)
        : here{where}, ports{where.get_executor(), where.hypervisor()},
          budget{std::make_shared<mapping_budget>(most_static_grants)} {}
};

/// Opens the frame port, maps rings, and has queues serve them.
class vif final : public xenbus_driver {
public:
    struct options {
        vif_features features;
        queue_limits limits;
        frame_port_opener open_port;
        std::vector<feature_rule> feature_rules; ///< after `features`
        capture_options capture;
        /// No hotplug script gives the port the MTU that the toolstack wants.
        bool sets_mtu = false;
        std::function<void(const std::string&)> complain; ///< on the executor
    };
    /// Told on the executor when a queue stopped by itself.
    using report_handler = std::function<void(ring::backend_event, const std::string&)>;

    vif(std::shared_ptr<vif_workshop> workshop, device_names names, const options& chosen);

    void on_report(report_handler handler) { report_ = std::move(handler); }

    /// Since the vif was made, of all its queues. On the executor.
    vif_statistics statistics() const;
    /// The same of each queue. What the interface counts for all of them is at the first.
    std::vector<vif_statistics> queue_statistics() const;

    void open(error_code& ec) override;
    void publish(store_operations& store, const std::string& directory, error_code& ec) override;
    void connect(error_code& ec) override;
    bool still_the_same_frontend() override;
    void refresh() override;
    void disconnect() noexcept override;
    void close() noexcept override;
    std::string problem() const override { return problem_; }
    std::string watched() const override;
    void start() override;
    void refreshed() override;
    void stop() noexcept override;

private:
    void open_capture();
    /// What may change while the vif is connected.
    struct changing_keys {
        std::optional<rate_limit> rate;
        bool filters_multicast = false;
    };
    changing_keys read_changing() const;
    void follow_mtu();
    std::uint64_t dropped_now() const;
    void complain(const std::string& text) const;
    void connect_control(error_code& ec);
    void connect_queue(const vif_queue_keys& keys, std::size_t index, error_code& ec);

    std::shared_ptr<vif_workshop> workshop_;
    device_names names_;
    options options_;
    vif_features features_; ///< of this device
    report_handler report_;
    std::string problem_;
    mutable std::mutex port_mutex_; ///< for changes of port_, and whoever looks from elsewhere
    std::unique_ptr<net::frame_port> port_;
    std::uint64_t dropped_before_ = 0; ///< by the port, when it was opened
    std::uint64_t dropped_ = 0;        ///< by ports that were closed
    std::unique_ptr<frame_capture> capture_;
    vif_frontend_keys keys_;
    bool published_ = false; ///< since the latest frontend: it has not transmitted anything yet
    multicast_filter multicast_;
    changing_keys changing_; ///< as read last
    std::uint32_t mtu_ = 0;  ///< that the toolstack wanted last
    std::size_t told_mtu_ = net::usual_mtu;
    std::vector<std::shared_ptr<netback_queue>> queues_;
    std::vector<std::shared_ptr<static_grants>> grants_; ///< of each queue, with a control ring
    std::shared_ptr<frame_exchange> exchange_;           ///< between them, with a control ring
    std::shared_ptr<control_channel> control_;
    std::vector<vif_statistics> counts_;
};

} // namespace xenring::backend
