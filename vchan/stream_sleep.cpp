// How a stream sleeps and what wakes it: events, and, since an event may be missing, a timer and a
// watch in the store.
#include <xenring/vchan/server_keys.hpp>
#include <xenring/vchan/stream_core.hpp>
#include <xenring/vchan/stream_service.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>

namespace xenring::vchan::detail {
namespace {

bool admit_client(const domain& here, const channel_names& names) {
    error_code ec;
    renew_rights(here.store(), names.base, here.self(), names.peer, ec);
    return !ec;
}

} // namespace

/// Completes what can be completed; sleeps if anything is left.
void stream_core::settle() {
    for (;;) {
        const auto ticket = endpoint_->wire().port.seen();
        try_all();
        const auto left = needs();
        if (left.empty())
            return rest();
        if (endpoint_->needs_verdict())
            judge();
        else if (endpoint_->spin(left) || endpoint_->arm(left))
            continue;
        return sleep(ticket);
    }
}

void stream_core::sleep(event_ticket ticket) {
    if (!timing_ && !watching_) // with the watch in place an idle stream wakes up for nothing
        look_again_in(first_look);
    if (std::exchange(sleeping_, true))
        return; // with an older ticket, which any newer event ends as well
    ++endpoint_->counters().sleeps;
    endpoint_->wire().port.async_wait(
        ticket, [self = shared_from_this(), opening = openings_](error_code ec) {
            if (self->openings_ == opening)
                self->woken(ec);
        });
}

/// Nothing is waited for: let the context run out of work.
void stream_core::rest() noexcept {
    if (sleeping_ && endpoint_)
        endpoint_->wire().port.cancel();
    if (std::exchange(timing_, false))
        timer_.cancel();
    if (watching_)
        stop_watching_->emit(boost::asio::cancellation_type::all);
    verdict_timer_.cancel();
}

void stream_core::woken(error_code ec) {
    sleeping_ = false;
    if (!endpoint_ || !waiting_for_anything())
        return;
    if (!ec)
        endpoint_->woken();
    else if (ec != boost::asio::error::operation_aborted)
        endpoint_->end(ec);
    const auto before = endpoint_->counters();
    settle();
    const bool fruitless = endpoint_ && sleeping_ && before.reads == endpoint_->counters().reads &&
                           before.writes == endpoint_->counters().writes;
    if (!ec && fruitless) { // old kernels notify first and clear the live byte afterwards
        looks_left_ = 2;
        look_again_in(soon_after_event);
    } else if (!ec && endpoint_) {
        endpoint_->paid();
    }
}

void stream_core::look_again_in(std::chrono::milliseconds delay) {
    timing_ = true;
    timer_.expires_after(delay); // ends an earlier wait with operation_aborted
    timer_.async_wait([weak = weak_from_this(), opening = openings_](error_code ec) {
        const auto self = weak.lock();
        if (!self || ec || self->openings_ != opening)
            return;
        self->timing_ = false;
        self->attend();
    });
}

void stream_core::attend() {
    if (!endpoint_ || !waiting_for_anything())
        return;
    auto& counters = endpoint_->counters();
    const auto before = counters.reads + counters.writes;
    settle();
    if (counters.reads + counters.writes != before)
        ++counters.unannounced;
    if (!waiting_for_anything())
        return;
    if (looks_left_ > 0) {
        --looks_left_;
        look_again_in(later_after_event);
    }
    if (endpoint_->peer_seen()) {
        watch_peer();
        if (watch_refused_)
            look_again_in(unwatched_pause);
        if (watch_refused_ || (presence_ == presence::unclear && watch_.is_open()))
            check_peer();
        return;
    }
    // A client from before Xen 4.14 connects without an event, so one that is waited for is looked
    // for; that its domain is gone means nothing before it came.
    if (absent_looks_++ % 4 == 0)
        check_peer();
    look_again_in(unwatched_pause);
}

void stream_core::watch_peer() {
    if (watch_.is_open())
        return await_watch();
    if (watch_refused_ || checking_)
        return;
    checking_ = true;
    const auto watch = std::make_shared<store_watch>();
    run_blocking(
        executor_,
        [watch, here = here_, names = endpoint_->wire().names] {
            error_code refused; // the quota, most likely: then there is the timer
            *watch = watch_for_end(here, names, refused);
        },
        [self = shared_from_this(), watch, opening = openings_, names = endpoint_->wire().names] {
            if (!self->endpoint_ || self->openings_ != opening) { // it was closed meanwhile
                if (names.role == ring::vchan_role::client)
                    self->withdraw_later(names);
                return;
            }
            self->checking_ = false;
            if (!self->watch_.is_open()) { // a blocked call may have been quicker
                self->watch_ = std::move(*watch);
                self->told_ = {};
            }
            self->watch_refused_ = !self->watch_.is_open();
            self->attend();
        });
}

void stream_core::await_watch() {
    if (std::exchange(watching_, true))
        return;
    // One for each wait: what ends the last one late must not touch this one's.
    stop_watching_ = std::make_shared<boost::asio::cancellation_signal>();
    watch_.async_wait(boost::asio::bind_executor(
        executor_,
        boost::asio::bind_cancellation_slot(
            stop_watching_->slot(), [self = shared_from_this(), signal = stop_watching_,
                                     opening = openings_](error_code ec, const std::string&) {
                if (self->openings_ != opening)
                    return;
                self->watching_ = false;
                if (!self->waiting_for_anything())
                    return;
                const bool cancelled = ec == boost::asio::error::operation_aborted;
                if (!self->watch_.is_open() || (ec && !cancelled)) {
                    self->watch_.close(); // the store is gone; the timer goes on without it
                    self->watch_refused_ = true;
                    return self->attend();
                }
                if (!ec)
                    self->check_peer();
                self->await_watch();
            })));
}

/// A look at where the peer's domain is, which may be taken on any thread.
std::function<stream_core::finding()> stream_core::look_for_peer() {
    const bool seen = endpoint_->peer_seen(); // before: what is found then of an absent one is old
    return
        [here = here_, names = endpoint_->wire().names, seen, renew = !seen && renewals_left_ > 0] {
            finding out{check_presence(here, names), seen, false};
            if (renew && out.peer != presence::gone)
                out.admitted = admit_client(here, names);
            return out;
        };
}

void stream_core::check_peer() {
    if (checking_) {
        check_again_ = true; // what is being read now may be older than the reason to ask
        return;
    }
    checking_ = true;
    check_again_ = false;
    const auto result = std::make_shared<finding>();
    run_blocking(
        executor_, [result, look = look_for_peer()] { *result = look(); },
        [self = shared_from_this(), result, opening = openings_] {
            if (!self->endpoint_ || self->openings_ != opening)
                return;
            self->checking_ = false;
            if (result->seen)
                self->checked(result->peer);
            else
                self->client_looked_for(result->peer, result->admitted);
        });
}

/// The toolstack makes a domain's nodes before it introduces the domain to the store, and only from
/// then on rights count: so they are given twice, a look apart, to a domain that has come.
void stream_core::client_looked_for(presence found, bool admitted) noexcept {
    if (found == presence::gone)
        renewals_left_ = 2;
    else if (admitted && renewals_left_ > 0) // an errand and a check may have been under way
        --renewals_left_;
}

void stream_core::checked(presence found) {
    presence_ = found;
    if (found == presence::gone)
        endpoint_->end(errc::peer_domain_died);
    if (!waiting_for_anything())
        return;
    if (found == presence::gone)
        settle();
    else if (check_again_)
        check_peer();
    else if (found == presence::unclear && !timing_)
        look_again_in(unwatched_pause);
}

void stream_core::found(const finding& what) {
    if (!what.seen)
        return client_looked_for(what.peer, what.admitted);
    presence_ = what.peer;
    if (what.peer == presence::gone)
        endpoint_->end(errc::peer_domain_died);
}

/// For calls that may not block, whether anybody runs the executor or not: now and then one of them
/// lets a look begin, and a later one takes what it found.
void stream_core::check_peer_in_passing() {
    if (waiting_for_anything())
        return; // an asynchronous operation sees to it
    if (const auto result = peer_glance_.pass_by(executor_, [this] { return look_for_peer(); }))
        found(*result);
}

} // namespace xenring::vchan::detail
