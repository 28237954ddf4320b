#pragma once

/// One queue of a netfront at work: its two rings, its event channels, and who waits for them.

#include <xenring/frontend/frames.hpp>
#include <xenring/frontend/rx_path.hpp>
#include <xenring/frontend/statistics.hpp>
#include <xenring/frontend/tx_path.hpp>
#include <xenring/frontend/wait_slot.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/page_pool.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/net/queue_keys.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::frontend::detail {

/// How queues are made.
struct queue_options {
    std::size_t tx_pages = 256; ///< of all queues
    std::size_t rx_pages = 256;
    bool split_event_channels = true;
    bool trusted = true;
    net::offloads takes;
    bool static_grants = true; ///< if the backend has a control ring
    /// How long an event channel stays masked after a number of events without a cause.
    std::chrono::milliseconds calm{1};
};

/// Rings, granted to one backend from the constructor to release(). Frames that were not dropped by
/// then keep their pages.
///
/// Thread safety: everything on the executor; the constructor and release() on any one thread, the
/// latter after stop().
class netfront_queue : public std::enable_shared_from_this<netfront_queue> {
public:
    using wait_handler = wait_slot::wait_handler;
    using broken_handler = std::function<void(const error_code& reason, const std::string& why)>;

    /// What the queues of a connection have in common.
    struct surroundings {
        domain here;
        domid backend;
        port_set& ports;
        page_pool& pool;
        std::shared_ptr<wait_slot> frames; ///< where somebody may wait for a frame from any queue
    };

    /// Errors: those of hypervisor::share() and port_set; `problem` says of what.
    netfront_queue(const surroundings& where, const queue_options& options,
                   netfront_statistics& counts, std::string& problem, error_code& ec);
    ~netfront_queue();

    /// All pages that frames lie in, for the control ring. Precondition: not released.
    std::vector<ring::netif::gref_entry> granted() const;

    /// As published.
    net::vif_queue_keys keys() const noexcept;

    /// The backend is connected. `broken` is told once if it lies, or if the event channels break.
    void start(broken_handler broken);
    /// Nothing moves any more; what waits ends with `why`.
    void stop(const error_code& why) noexcept;
    /// Ends the grants.
    void release() noexcept;

    outgoing_frame prepare(std::size_t size, std::size_t headroom);
    void send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec);
    received_frame receive(error_code& ec);

    /// Asks for a change of the backend's multicast filter as soon as there is room; `answered` is
    /// told the status of the answer, or never if that does not come. One at a time.
    using multicast_handler = std::function<void(std::int16_t status)>;
    void change_multicast(std::uint8_t type, const ring::netif::mac_address& address,
                          multicast_handler answered);

    /// Ends the wait for a frame if receive() is worth another try, or does so later.
    void look_for_frames();
    /// Waits until prepare() and send() are worth another try.
    void wait_for_room(const tx_path::room& wanted, wait_handler handler);

private:
    /// One direction's event channel, and who waits for it.
    struct direction {
        explicit direction(const boost::asio::any_io_executor& executor,
                           std::shared_ptr<wait_slot> who)
            : waiter{std::move(who)}, calm{executor} {}
        bound_port channel; ///< empty for rx: tx's serves both
        std::shared_ptr<wait_slot> waiter;
        bool sleeps = false; ///< for an event, or for calm
        unsigned idle_events = 0;
        boost::asio::steady_timer calm;
    };
    using look_function = void (netfront_queue::*)();

    struct multicast_change {
        std::uint8_t type;
        ring::netif::mac_address address;
        multicast_handler answered;
        bool asked = false;
    };

    const bound_port& channel(const direction& which) const noexcept {
        return which.channel ? which.channel : tx_.channel;
    }
    bound_port& channel(direction& which) noexcept {
        return which.channel ? which.channel : tx_.channel;
    }
    void look_for_room();
    void move_multicast();
    void sleep(direction& which, event_ticket ticket, look_function look, flow_statistics& counts);
    void notify(direction& which) noexcept;
    void check();
    void fail(const error_code& reason, std::string why);

    boost::asio::any_io_executor executor_;
    queue_options options_;
    netfront_statistics& counts_;
    granted_pages tx_ring_, rx_ring_;
    std::shared_ptr<tx_path> sender_;
    std::shared_ptr<rx_path> receiver_;
    direction tx_, rx_;
    tx_path::room wanted_; ///< what is waited for
    std::optional<multicast_change> multicast_;
    broken_handler broken_;
    error_code ended_; ///< why nothing moves any more
};

} // namespace xenring::frontend::detail
