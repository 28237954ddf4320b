#include <xenring/grant/local/event_channels.hpp>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace xenring::local {

std::shared_ptr<event_channels::channel> event_channels::make_channel(error_code& ec) {
    auto made = std::make_shared<channel>();
    made->words = make_memory(1, ec);
    if (!ec)
        made->page = mapping::of(made->words, 1, access::read_write, ec);
    for (auto& one : made->ends)
        if (!ec)
            one.event = make_event(ec);
    return ec ? nullptr : made;
}

/// The lowest free number from 1 on, as Xen gives them out (port 0 is never valid).
port event_channels::free_port(domid owner, error_code& ec) const {
    if (ports(owner) >= quota_) {
        ec = errno_code(ENOSPC);
        return {};
    }
    port number{1};
    for (auto at = ports_.lower_bound({owner, number});
         at != ports_.end() && at->first == port_key{owner, number}; ++at)
        ++number.value;
    return number;
}

channel_end event_channels::bind(const place& at, domid owner, port number, channel_id descriptor,
                                 bool is_pending, error_code& ec) {
    auto& own = at.own();
    channel_end result{number, at.side, own.binding + 1, at.where->words.duplicate(ec), {}, {}};
    if (!ec)
        result.own_event = own.event.duplicate(ec);
    if (!ec)
        result.peer_event = at.where->ends[1 - at.side].event.duplicate(ec);
    if (ec)
        return {};
    ports_.emplace(port_key{owner, number}, at);
    own.owner = owner;
    own.number = number;
    own.bound = true;
    own.descriptor = descriptor;
    at.where->word(at.side).bind(++own.binding, is_pending);
    if (is_pending)
        raise(own.event);
    return result;
}

channel_end event_channels::bind_unbound(domid owner, channel_id descriptor, domid remote,
                                         error_code& ec) {
    const auto number = free_port(owner, ec);
    auto made = ec ? nullptr : make_channel(ec);
    if (ec)
        return {};
    made->ends[1].owner = remote;
    return bind({std::move(made), 0}, owner, number, descriptor, false, ec);
}

channel_end event_channels::bind_interdomain(domid owner, channel_id descriptor, domid remote,
                                             port remote_port, error_code& ec) {
    const auto found = ports_.find({remote, remote_port});
    if (found == ports_.end()) {
        ec = errno_code(EINVAL);
        return {};
    }
    const place at{found->second.where, 1 - found->second.side};
    if (at.own().bound || at.own().owner != owner) {
        ec = errno_code(EINVAL);
        return {};
    }
    const auto number = free_port(owner, ec);
    if (ec)
        return {};
    // Xen leaves the new port pending: the peer may have notified before anyone listened.
    return bind(at, owner, number, descriptor, true, ec);
}

/// Takes the port away. The other end, if it is bound, becomes unbound for the same domain.
event_channels::port_table::iterator event_channels::close(port_table::iterator at) {
    auto& own = at->second.own();
    at->second.where->word(at->second.side).unbind();
    own.bound = false;
    own.descriptor = 0;
    own.holds = 0;
    return ports_.erase(at);
}

/// The descriptor gives the port up; holds may keep it.
event_channels::port_table::iterator event_channels::let_go(port_table::iterator at) {
    at->second.own().descriptor = 0;
    return at->second.own().holds == 0 ? close(at) : std::next(at);
}

void event_channels::unbind(domid owner, channel_id descriptor, port own, error_code& ec) {
    const auto found = ports_.find({owner, own});
    if (found == ports_.end() || found->second.own().descriptor != descriptor) {
        ec = errno_code(ENOTCONN);
        return;
    }
    let_go(found);
}

void event_channels::close(channel_id descriptor) {
    for (auto at = ports_.begin(); at != ports_.end();)
        at = at->second.own().descriptor == descriptor ? let_go(at) : std::next(at);
}

bool event_channels::hold(domid owner, port own) {
    const auto found = ports_.find({owner, own});
    if (found == ports_.end())
        return false;
    ++found->second.own().holds;
    return true;
}

void event_channels::release(domid owner, port own) {
    const auto found = ports_.find({owner, own});
    if (found == ports_.end() || found->second.own().holds == 0)
        return;
    if (--found->second.own().holds == 0 && found->second.own().descriptor == 0)
        close(found);
}

void event_channels::notify(domid owner, port own) const {
    const auto found = ports_.find({owner, own});
    if (found == ports_.end())
        return;
    const auto& [where, side] = found->second;
    if (where->word(1 - side).make_pending())
        raise(where->ends[1 - side].event);
}

void event_channels::raise_here(domid owner, port own) const {
    const auto found = ports_.find({owner, own});
    if (found == ports_.end())
        return;
    const auto& [where, side] = found->second;
    if (where->word(side).make_pending())
        raise(where->ends[side].event);
}

void event_channels::remove_domain(domid owner) {
    for (auto at = ports_.lower_bound({owner, port{0}});
         at != ports_.end() && at->first.first == owner;)
        at = close(at);
}

std::size_t event_channels::ports(domid owner) const {
    const auto first = ports_.lower_bound({owner, port{0}});
    const auto last = std::find_if(
        first, ports_.end(), [owner](const auto& entry) { return entry.first.first != owner; });
    return static_cast<std::size_t>(std::distance(first, last));
}

} // namespace xenring::local
