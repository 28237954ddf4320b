// How an endpoint waits, and why it ends.
#include <xenring/vchan/endpoint.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace xenring::vchan::detail {

namespace asio = boost::asio;

bool endpoint::has_bytes() noexcept {
    return channel_->input.available() != 0;
}

bool endpoint::has_space() noexcept {
    return channel_->output.free() != 0;
}

bool endpoint::ready(need what, error_code& ec) noexcept {
    ec.clear();
    if (what == need::read && has_bytes())
        return true;
    look_at_peer();
    switch (what) {
    case need::read:
        if (has_bytes())
            return true;
        look_for_fault();
        ec = end_;
        return bool(end_);
    case need::write:
        if (!end_ && !needs_verdict_ && has_space())
            return true;
        look_for_fault();
        ec = write_end();
        return bool(ec);
    case need::connected:
        if (peer_seen_)
            return true;
        ec = end_;
        return bool(end_);
    case need::drained:
        if (channel_->output.drained())
            return true;
        look_for_fault();
        ec = write_end();
        return bool(ec);
    }
    return false;
}

bool endpoint::spin(need_set what) noexcept {
    if (!what.has(need::read) && !what.has(need::write) && !what.has(need::drained))
        return false; // a peer that is not there yet is not about to come this very moment
    const bool won = spinner_.spin([&] {
        error_code ignored;
        return std::any_of(every_need.begin(), every_need.end(),
                           [&](need one) { return what.has(one) && ready(one, ignored); });
    });
    ++(won ? counters_.spins_won : counters_.spins_lost);
    return won;
}

void endpoint::woken() noexcept {
    ++counters_.wakeups;
    spinner_.woken();
}

bool endpoint::arm(need_set what) noexcept {
    bool came = false;
    if (what.has(need::read) || what.has(need::connected)) // connecting always raises an event
        came = channel_->input.arm() && what.has(need::read);
    if (what.has(need::write))
        came = channel_->output.arm() || came;
    if (what.has(need::drained))
        came = channel_->output.arm(channel_->output.capacity()) || came;
    if (!came && (what.has(need::write) || what.has(need::drained)) &&
        channel_->output.peer_overlooked())
        notify();
    return came;
}

void endpoint::end(error_code why) noexcept {
    if (!end_)
        end_ = why;
}

error_code endpoint::write_end() const noexcept {
    return end_ == asio::error::eof ? error_code{errc::peer_closed} : end_;
}

/// A look at an index may have found it impossible.
void endpoint::look_for_fault() noexcept {
    for (const auto fault : {channel_->input.fault(), channel_->output.fault()})
        if (fault != ring::fault::none)
            end(fault_code(fault));
}

/// Looks for what ends a stream: a live byte that was cleared or means nothing, another client.
void endpoint::look_at_peer() noexcept {
    if (end_ || needs_verdict_)
        return;
    switch (channel_->page.peer_live(channel_->names.role)) {
    case ring::vchan_live::gone:
        return peer_left();
    case ring::vchan_live::invalid:
        return end(errc::bad_live_byte);
    case ring::vchan_live::not_yet:
        return;
    case ring::vchan_live::connected:
        break;
    }
    if (channel_->names.role == ring::vchan_role::client)
        return;
    if (peer_seen_)
        return end(asio::error::eof); // the next client is on the page: ours left unseen
    peer_seen_ = channel_->page.mark_client_seen();
}

void endpoint::peer_left() noexcept {
    peer_seen_ = true;
    const auto role = channel_->names.role;
    switch (channel_->marks.peer(role)) {
    case mark::open:
        return end(errc::peer_process_died);
    case mark::closed:
        return end(asio::error::eof);
    case mark::none:
        break;
    }
    if (role == ring::vchan_role::client)
        needs_verdict_ = true;
    else
        end(asio::error::eof); // of a libxenvchan client nothing more can be known
}

} // namespace xenring::vchan::detail
