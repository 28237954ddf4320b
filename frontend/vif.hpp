#pragma once

/// A vif, seen by its guest: the driver of one network device.

#include <xenring/frontend/control_channel.hpp>
#include <xenring/frontend/queue_set.hpp>
#include <xenring/frontend/vif_keys.hpp>
#include <xenring/frontend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::frontend::detail {

/// What a vif is to be like.
struct vif_options {
    queue_options queues;
    bool scatter_gather = true;
    bool filter_multicast = false;
    std::optional<hash_steering> steering;
};

/// Grants the rings of the queues and publishes them.
class vif final : public xenbus_driver {
public:
    using counters = std::vector<netfront_statistics>;

    /// At most as many queues as there are `counts`.
    vif(const domain& here, vif_options options, std::shared_ptr<counters> counts)
        : here_{here}, options_{options.queues}, scatter_gather_{options.scatter_gather},
          filters_multicast_{options.filter_multicast}, steers_{options.steering.has_value()},
          steering_{std::move(options.steering)}, counts_{std::move(counts)} {}

    /// Called on the executor when the backend lies, or when an event channel breaks.
    queue_set::broken_handler on_broken;

    /// Called on the executor when backend() says something new of a live connection.
    std::function<void()> on_change;

    /// Called on the executor when the rings are of no use any more.
    std::function<void(const error_code& why)> on_stop;

    /// Called on the executor when the backend took or refused how frames are to be steered.
    control_channel::steered_handler on_steered;

    /// @name On the executor
    /// @{

    /// What write_keys() says from now on.
    void filter_multicast(bool on) noexcept { filters_multicast_ = on; }
    /// What on_steered() is told of, now and of each later connection. False: this one's backend
    /// cannot be told.
    bool steer(std::optional<hash_steering> how);
    /// @}

    /// On the executor, from the device's connected phase on; nullptr before.
    const std::shared_ptr<queue_set>& queues() const noexcept { return queues_; }
    const vif_backend_keys& backend() const noexcept { return backend_; }

    void prepare(const device_names& names, error_code& ec) override;
    void write_keys(store_operations& store, const std::string& directory, error_code& ec) override;
    void disconnect() noexcept override;
    std::string problem() const override { return problem_; }
    void refresh(const device_names& names) override;
    bool has_new_keys() const override;
    void start() override;
    void refreshed() override;
    void stop(const error_code& why) noexcept override;

private:
    void make_control(port_set& ports, domid backend);
    void steer_now();

    domain here_;
    queue_options options_;
    bool scatter_gather_;
    std::atomic<bool> filters_multicast_; ///< as wanted
    bool told_filters_ = false;           ///< as written; of jobs
    std::atomic<bool> steers_;            ///< whether there is a steering_
    std::optional<hash_steering> steering_;
    std::shared_ptr<counters> counts_;
    vif_backend_keys backend_;
    vif_backend_keys fresh_; ///< by refresh(), not shown before refreshed()
    std::string problem_;

    /// @name Made by prepare() and dropped by disconnect(), where these may block
    /// @{
    std::shared_ptr<queue_set> made_;
    std::shared_ptr<control_channel> made_control_; ///< if the backend offered it
    /// @}

    /// @name The same from start() to stop(), on the executor
    /// @{
    std::shared_ptr<queue_set> queues_;
    std::shared_ptr<control_channel> control_;
    /// @}
};

} // namespace xenring::frontend::detail
