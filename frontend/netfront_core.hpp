#pragma once

/// What a netfront is, apart from its interface: one device after another, and who waits for it.

#include <xenring/frontend/multicast_groups.hpp>
#include <xenring/frontend/netfront.hpp>
#include <xenring/frontend/vif.hpp>
#include <xenring/frontend/xenbus_device.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

namespace xenring::frontend::detail {

/// Thread safety: everything on the executor.
class netfront_core : public std::enable_shared_from_this<netfront_core> {
public:
    using done_handler = boost::asio::any_completion_handler<void(error_code)>;

    netfront_core(const domain& here, netfront_options options)
        : here_{here}, options_{std::move(options)}, counts_{std::make_shared<vif::counters>(
                                                         std::max<std::size_t>(1,
                                                                               options_.queues))},
          groups_{std::make_shared<multicast_groups>(here.get_executor(), options_.log)},
          steering_{std::make_shared<wait_slot>(here.get_executor())} {}

    void connect(std::uint32_t number, done_handler handler);
    void close(done_handler handler);
    void abandon() noexcept;

    /// @name See netfront
    /// @{
    void change_group(bool joined, const ring::netif::mac_address& group, done_handler handler) {
        groups_->change(joined, group, std::move(handler));
    }
    void filter_multicast(bool on, error_code& ec);
    void steer(std::optional<hash_steering> how, done_handler handler);
    /// @}

    bool is_connected() const noexcept { return queues() != nullptr; }
    /// Why there are no queues.
    error_code absence() const noexcept;
    const std::shared_ptr<queue_set>& queues() const noexcept {
        static const std::shared_ptr<queue_set> none;
        return vif_ ? vif_->queues() : none;
    }
    std::size_t queue_count() const noexcept { return queue_count_; }
    const vif_backend_keys& keys() const noexcept { return keys_; }
    const vif::counters& statistics() const noexcept { return *counts_; }
    const std::string& problem() const noexcept { return problem_; }
    const netfront_options& options() const noexcept { return options_; }
    const domain& here() const noexcept { return here_; }

    /// Whether the backend takes such a frame.
    bool is_offered(const outgoing_frame& frame, const ring::netif::packet_info& info) const;

private:
    void make_device(std::uint32_t number);
    void listen_to(vif& driver);
    void connected();
    void finished();
    void reached(ring::frontend_phase phase);
    void changed();
    void complete(done_handler& which, const error_code& ec);

    domain here_;
    netfront_options options_;
    std::shared_ptr<vif::counters> counts_; ///< of each queue
    std::shared_ptr<xenbus_device> device_;
    vif* vif_ = nullptr; ///< device_'s driver
    std::uint32_t number_ = 0;
    bool unclaimed_ = false;        ///< connected again, and nobody asked
    bool made_for_connect_ = false; ///< device_ was made for the connect that waits
    vif_backend_keys keys_;
    std::size_t queue_count_ = 1;
    done_handler connecting_, closing_;
    std::shared_ptr<multicast_groups> groups_;
    std::shared_ptr<wait_slot> steering_; ///< where somebody may wait for the backend's word
    error_code reason_;
    std::string problem_;
};

} // namespace xenring::frontend::detail
