// What a stream is behind its templates: an endpoint, the operations that wait on it, and the care
// for a peer that may die.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>
#include <xenring/vchan/endpoint.hpp>
#include <xenring/vchan/errand.hpp>
#include <xenring/vchan/options.hpp>
#include <xenring/vchan/peer_check.hpp>
#include <xenring/vchan/pending.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>

namespace xenring::vchan::detail {

using care_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>,
                                      boost::asio::any_io_executor>;

/// Not thread-safe: everything runs on the executor, or where no other thread runs it.
class stream_core : public std::enable_shared_from_this<stream_core> {
public:
    using io_handler = pending<std::size_t>::handler_type;
    using wait_handler = pending<>::handler_type;

    static std::shared_ptr<stream_core> make(boost::asio::any_io_executor executor, domain here);
    stream_core(boost::asio::any_io_executor executor, domain here);
    ~stream_core();

    const boost::asio::any_io_executor& executor() const noexcept { return executor_; }
    const domain& here() const noexcept { return here_; }

    /// Starts to be the end of a channel. A server's keys are removed again by close().
    void adopt(std::unique_ptr<channel> opened, const options& chosen);
    /// Null before adopt() and after close().
    endpoint* end() noexcept { return endpoint_ ? &*endpoint_ : nullptr; }
    /// What an opening that is under way is cancelled by; empty if there is none.
    std::function<void()> cancel_opening;
    /// Called once the channel is closed.
    std::function<void()> on_close;

    std::size_t read(const mutable_buffers& buffers, error_code& ec);
    std::size_t write(const const_buffers& buffers, error_code& ec);
    void wait(need what, error_code& ec);

    void start_read(const mutable_buffers& buffers, io_handler handler);
    void start_write(const const_buffers& buffers, io_handler handler);
    void start_wait(need what, wait_handler handler);

    void cancel();
    void close(error_code& ec);
    /// The same, but the store is waited for elsewhere.
    void start_close(wait_handler handler);
    /// Leaves without a mark; nobody is told when the store has forgotten the keys.
    void abort();
    /// Destroys what is under way without calling anybody: the context goes away.
    void abandon();

    /// Of the channel that is open, or of the last one.
    statistics stats() const noexcept {
        return endpoint_ ? endpoint_->counters() : last_statistics_;
    }

    bool non_blocking = false;

private:
    /// Ends the channel. What is still to be done: what it left in the store to be withdrawn.
    std::optional<channel_names> end_channel(void (channel::*leave)() noexcept = &channel::close);
    void withdraw_later(const channel_names& names);
    // what waits
    bool waiting_for_anything() const noexcept;
    need_set needs() const noexcept;
    void try_all();
    template <class Operation, class... Results>
    void cancel_one(Operation& operation, std::uint64_t serial, Results... results);
    // sleeping and waking
    void settle();
    void sleep(event_ticket ticket);
    void rest() noexcept;
    void woken(error_code ec);
    void look_again_in(std::chrono::milliseconds delay);
    // the peer's life
    void attend();
    void watch_peer();
    void await_watch();
    struct finding {
        presence peer = presence::unclear;
        bool seen = false; ///< whether the peer had come before the look
        bool admitted = false;
    };
    std::function<finding()> look_for_peer();
    void check_peer();
    void checked(presence found);
    void found(const finding& what);
    void client_looked_for(presence found, bool admitted) noexcept;
    void judge();
    void judge_again();
    void judged(error_code verdict);
    void judge_blocking();
    void judge_in_passing();
    void check_peer_in_passing();
    // blocked calls
    bool sleep_blocking(event_ticket ticket, unsigned& looks_left);
    std::chrono::steady_clock::time_point next_look(unsigned looks_left) const noexcept;
    void look_blocking();
    void check_peer_blocking();

    boost::asio::any_io_executor executor_;
    domain here_;
    std::optional<endpoint> endpoint_;
    vchan::options options_;
    statistics last_statistics_;

    pending<std::size_t> read_, write_;
    mutable_buffers read_buffers_;
    const_buffers write_buffers_;
    std::array<pending<>, 4> waits_; // by need

    care_timer timer_;
    care_timer verdict_timer_;
    store_watch watch_;
    watch_ticket told_; ///< what a blocked call knows of it
    std::shared_ptr<boost::asio::cancellation_signal> stop_watching_; ///< of the wait under way
    presence presence_ = presence::unclear;
    std::uint64_t openings_ = 0; ///< tells what comes late for an earlier channel
    unsigned looks_left_ = 0;
    int verdict_looks_ = 0;
    errand<error_code> glance_{verdict_pause};     ///< for a verdict, of calls that may not wait
    errand<finding> peer_glance_{unwatched_pause}; ///< the same for the peer's domain
    unsigned absent_looks_ = 0;
    unsigned renewals_left_ = 0; ///< how often the client's rights are to be given again
    bool sleeping_ = false;
    bool timing_ = false;
    bool watching_ = false;
    bool checking_ = false;
    bool check_again_ = false;
    bool judging_ = false;
    bool watch_refused_ = false;
};

} // namespace xenring::vchan::detail
