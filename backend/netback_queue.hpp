#pragma once

/// One queue of a vif at work: its two rings, its event channels and its descriptor on an executor.

#include <xenring/backend/rate_limit.hpp>
#include <xenring/backend/rx_path.hpp>
#include <xenring/backend/tx_path.hpp>
#include <xenring/backend/vif_statistics.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/port_set.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace xenring::backend {

/// What a queue runs on.
struct queue_resources {
    mapped_pages<access::read_write> tx_ring;
    mapped_pages<access::read_write> rx_ring;
    bound_port tx_port;
    bound_port rx_port;                      ///< empty: tx_port serves both directions
    int descriptor = -1;                     ///< of the frame port; owned
    std::shared_ptr<static_grants> grants{}; ///< empty: the guest has no control ring
};

/// How a guest is treated that does not keep up.
struct queue_limits {
    /// A frame that waits longer for the guest's buffers is dropped, and those behind it.
    std::chrono::milliseconds drain{10'000};
    /// How often to look for buffers of a guest that does not tell (no feature-rx-notify).
    std::chrono::milliseconds poll{10};
    /// How long the port stays masked after a number of events without a cause.
    std::chrono::milliseconds calm{1};
    /// How much it may transmit.
    std::optional<rate_limit> rate{};
};

/// Serves until it is stopped or its ring or port breaks. Each round is bounded and then everything
/// else on the executor has its turn. A port is unmasked only once its work is done.
///
/// Thread safety: everything on the executor; the constructor and release() on any one thread, as
/// long as the queue is not started.
class netback_queue : public std::enable_shared_from_this<netback_queue> {
public:
    /// Why a queue stopped by itself.
    enum class broken : std::uint8_t { guest, port };
    using broken_handler = std::function<void(broken, std::string why)>;

    netback_queue(const domain& here, domid guest, queue_resources resources,
                  const rx_path::traits& guest_takes, bool guest_tells_refills, copy_batch& batch,
                  vif_statistics& counts, const queue_limits& limits = {},
                  multicast_filter* filter = nullptr);
    ~netback_queue();

    void start(broken_handler handler);
    /// Nothing moves any more and no handler is called after it.
    void stop() noexcept;
    /// How much the guest may transmit from now on; nothing: as much as it can. One that stays as
    /// it was begins no new period.
    void set_rate(const std::optional<rate_limit>& rate);
    /// Gives the mapped rings away, for someone who may block to unmap them. Precondition: stopped.
    queue_resources release() noexcept;

private:
    void serve_tx();
    void schedule_tx();
    void listen(event_ticket ticket);
    void wait_for_events(event_ticket ticket);
    void serve_rx();
    void schedule_rx();
    void wait_for_frames();
    void wait_for_buffers();
    void wait_for_refill(event_ticket ticket);
    void drain(unsigned rounds);
    void rest(boost::asio::steady_timer& calm, event_ticket ticket,
              void (netback_queue::*wait)(event_ticket));
    bool waits_for_rate();
    void fail(broken what, std::string why);
    template <class Function>
    auto guarded(Function function);

    boost::asio::any_io_executor executor_;
    queue_resources resources_;
    boost::asio::posix::stream_descriptor port_;
    vif_statistics& counts_;
    frame_exchange* exchange_;
    std::size_t index_; ///< in the exchange
    tx_path tx_;
    rx_path rx_;
    queue_limits limits_;
    bool guest_tells_refills_;
    bool stopped_ = true;
    bool tx_scheduled_ = false;  ///< to be served
    bool rx_scheduled_ = false;  ///< to be served
    bool port_waits_ = false;    ///< for frames
    bool rx_waits_ = false;      ///< for buffers
    bool tx_port_waits_ = false; ///< for events, or rests before it does
    bool rx_port_waits_ = false; ///< the same
    std::uint64_t answered_ = 0; ///< packets of both directions
    unsigned idle_events_ = 0;
    unsigned rx_idle_events_ = 0; ///< on a port of its own
    std::optional<rate_account> rate_;
    boost::asio::steady_timer calm_;
    boost::asio::steady_timer rx_calm_;
    boost::asio::steady_timer rate_pause_;
    boost::asio::steady_timer poll_;
    std::chrono::steady_clock::time_point held_since_{};
    broken_handler handler_;
};

} // namespace xenring::backend
