#pragma once

/// One queue of a netfront at work: its two rings, its event channels, and who waits for them.

#include <xenring/frontend/frames.hpp>
#include <xenring/frontend/rx_path.hpp>
#include <xenring/frontend/statistics.hpp>
#include <xenring/frontend/tx_path.hpp>
#include <xenring/grant/page_pool.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xenring::frontend::detail {

/// How a queue is made.
struct queue_options {
    std::size_t tx_pages = 256;
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
    using wait_handler = boost::asio::any_completion_handler<void(error_code)>;
    using broken_handler = std::function<void(const std::string& why)>;

    /// Errors: those of hypervisor::share() and port_set; `problem` says of what.
    netfront_queue(boost::asio::any_io_executor executor, hypervisor& machine, domid backend,
                   const queue_options& options, netfront_statistics& counts, std::string& problem,
                   error_code& ec);
    ~netfront_queue();

    /// All pages that frames lie in, for the control ring. Precondition: not released.
    std::vector<ring::netif::gref_entry> granted() const;

    grant_ref tx_reference() const noexcept { return tx_ring_.references()[0]; }
    grant_ref rx_reference() const noexcept { return rx_ring_.references()[0]; }
    port tx_port() const noexcept { return tx_.channel.number(); }
    port rx_port() const noexcept { return channel(rx_).number(); }

    /// The backend is connected. `broken` is told once if it lies.
    void start(broken_handler broken);
    /// Nothing moves any more; what waits ends with `why`.
    void stop(const error_code& why) noexcept;
    /// Ends the grants.
    void release() noexcept;

    outgoing_frame prepare(std::size_t size, std::size_t headroom);
    void send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec);
    received_frame receive(error_code& ec);

    /// Wait until receive(), or prepare() and send(), are worth another try. One wait of each kind
    /// at a time: another one ends with already_started.
    void wait_for_frame(wait_handler handler);
    void wait_for_room(const tx_path::room& wanted, wait_handler handler);

private:
    /// One direction's event channel, and who waits for it.
    struct direction {
        explicit direction(const boost::asio::any_io_executor& executor) : calm{executor} {}
        bound_port channel; ///< empty for rx: tx's serves both
        wait_handler waiter;
        bool sleeps = false; ///< for an event, or for calm
        unsigned idle_events = 0;
        boost::asio::steady_timer calm;
    };
    using look_function = void (netfront_queue::*)();

    const bound_port& channel(const direction& which) const noexcept {
        return which.channel ? which.channel : tx_.channel;
    }
    bound_port& channel(direction& which) noexcept {
        return which.channel ? which.channel : tx_.channel;
    }
    void begin_wait(direction& which, wait_handler handler, look_function look);
    void end_wait(direction& which, const error_code& ec);
    void look_for_frames();
    void look_for_room();
    void sleep(direction& which, event_ticket ticket, look_function look, flow_statistics& counts);
    void notify(direction& which) noexcept;
    void check();

    boost::asio::any_io_executor executor_;
    queue_options options_;
    netfront_statistics& counts_;
    page_pool pool_;
    domid backend_;
    granted_pages tx_ring_, rx_ring_;
    std::shared_ptr<tx_path> sender_;
    std::shared_ptr<rx_path> receiver_;
    direction tx_, rx_;
    tx_path::room wanted_; ///< what is waited for
    broken_handler broken_;
    error_code ended_; ///< why nothing moves any more
};

} // namespace xenring::frontend::detail
