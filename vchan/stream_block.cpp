// How a synchronous call sleeps: on its event channel and on a watch in the store at once, and with
// no timer as soon as that watch is there.
#include <xenring/vchan/stream_core.hpp>

#include <boost/asio/error.hpp>

namespace xenring::vchan::detail {
namespace {

using clock = std::chrono::steady_clock;

constexpr unsigned looks_after_event = 2;

} // namespace

void stream_core::wait(need what, error_code& ec) {
    unsigned looks_left = 0; // an event that brought nothing may have come before its reason
    for (;;) {
        if (!endpoint_) {
            ec = errc::not_connected;
            return;
        }
        const auto ticket = endpoint_->wire().port.seen();
        if (endpoint_->ready(what, ec))
            return endpoint_->paid();
        if (endpoint_->needs_verdict()) {
            non_blocking ? judge_in_passing() : judge_blocking();
            if (!non_blocking || !endpoint_->needs_verdict())
                continue;
        }
        if (non_blocking) {
            check_peer_in_passing();
            if (!endpoint_->ready(what, ec))
                ec = boost::asio::error::would_block;
            return;
        }
        if (endpoint_->spin(what) || endpoint_->arm(what))
            continue;
        if (sleep_blocking(ticket, looks_left) && endpoint_->ready(what, ec) && !ec)
            ++endpoint_->counters().unannounced;
    }
}

/// True if the deadline ended the sleep, and nobody else.
bool stream_core::sleep_blocking(event_ticket ticket, unsigned& looks_left) {
    auto& port = endpoint_->wire().port;
    const auto deadline = next_look(looks_left);
    auto woken_by = bound_port::woken_by::port;
    error_code ec;
    ++endpoint_->counters().sleeps;
    if (watch_.is_open())
        woken_by = port.wait_until(ticket, deadline, watch_, told_, ec);
    else
        port.wait_until(ticket, deadline, ec);
    if (ec == errc::timed_out) {
        if (looks_left > 0)
            --looks_left;
        else
            look_blocking();
        return true;
    }
    if (woken_by == bound_port::woken_by::watch) {
        told_ = watch_.seen(); // before the look
        if (ec)                // the store is gone; the timer goes on without it
            watch_.close();
        watch_refused_ = bool(ec);
        check_peer_blocking();
    } else if (ec) {
        endpoint_->end(ec);
    } else {
        endpoint_->woken();
        looks_left = looks_after_event;
    }
    return false;
}

/// When a blocked call has to look by itself.
std::chrono::steady_clock::time_point stream_core::next_look(unsigned looks_left) const noexcept {
    const auto now = clock::now();
    if (looks_left > 0)
        return now + (looks_left == looks_after_event ? soon_after_event : later_after_event);
    const bool watched = watch_.is_open() && presence_ != presence::unclear;
    if (watched && endpoint_->peer_seen())
        return clock::time_point::max();
    const bool unwatchable = watch_.is_open() || watch_refused_ || !endpoint_->peer_seen();
    return now + (unwatchable ? unwatched_pause : first_look);
}

void stream_core::look_blocking() {
    if (!watch_.is_open() && !watch_refused_ && endpoint_->peer_seen()) {
        error_code refused; // the quota, most likely: then there is the timer
        watch_ = watch_for_end(here_, endpoint_->wire().names, refused);
        watch_refused_ = !watch_.is_open();
        told_ = watch_.seen(); // before the look
    }
    check_peer_blocking();
}

void stream_core::check_peer_blocking() {
    found(look_for_peer()());
}

} // namespace xenring::vchan::detail
