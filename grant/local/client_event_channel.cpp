#include <xenring/grant/local/client_event_channel.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <new>

namespace xenring::local {
namespace {

/// What is in the set beside ports, whose keys are their numbers.
constexpr std::uint64_t end_of_link = ~std::uint64_t{0};

} // namespace

client_event_channel::client_event_channel(std::shared_ptr<link> connection,
                                           std::shared_ptr<fault_plan> faults, error_code& ec)
    : link_{std::move(connection)}, faults_{std::move(faults)}, epoll_{::epoll_create1(
                                                                    EPOLL_CLOEXEC)} {
    if (!epoll_) {
        ec = errno_code(errno);
        return;
    }
    channel_ = link_->open_event_channel(ec);
    if (!ec && link_->destroyed_handle() >= 0)
        watch(link_->destroyed_handle(), EPOLLIN, end_of_link, ec);
    if (!ec && link_->gone_handle() >= 0)
        watch(link_->gone_handle(), EPOLLRDHUP, end_of_link, ec);
}

client_event_channel::~client_event_channel() {
    error_code ignored;
    if (channel_ != 0)
        link_->close_event_channel(channel_, ignored);
}

void client_event_channel::watch(int descriptor, std::uint32_t events, std::uint64_t key,
                                 error_code& ec) noexcept {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = key;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &wanted) != 0)
        ec = errno_code(errno);
}

port client_event_channel::keep(channel_end end, error_code& ec) {
    const port number = end.number;
    bound_end fresh{std::move(end), {}};
    fresh.page = mapping::of(fresh.end.words, 1, access::read_write, ec);
    fresh.end.words.close();
    // Edge-triggered: each write to the eventfd tells once, and its counter is never read. What is
    // pending is in the word.
    if (!ec)
        watch(fresh.end.own_event.get(), EPOLLIN | EPOLLET, number.value, ec);
    if (ec) {
        error_code ignored;
        link_->unbind(channel_, number, ignored);
        return {};
    }
    std::lock_guard lock{mutex_};
    ends_.insert_or_assign(number, std::move(fresh));
    return number;
}

port client_event_channel::bind_unbound(domid remote, error_code& ec) noexcept {
    ec.clear();
    if (faults_->strikes(call::bind_unbound, ec))
        return {};
    try {
        auto end = link_->bind_unbound(channel_, remote, ec);
        return ec ? port{} : keep(std::move(end), ec);
    } catch (const std::bad_alloc&) {
        ec = errno_code(ENOMEM);
        return {};
    }
}

port client_event_channel::bind_interdomain(domid remote, port remote_port,
                                            error_code& ec) noexcept {
    ec.clear();
    if (faults_->strikes(call::bind_interdomain, ec))
        return {};
    try {
        auto end = link_->bind_interdomain(channel_, remote, remote_port, ec);
        return ec ? port{} : keep(std::move(end), ec);
    } catch (const std::bad_alloc&) {
        ec = errno_code(ENOMEM);
        return {};
    }
}

void client_event_channel::unbind(port own, error_code& ec) noexcept {
    ec.clear();
    if (faults_->strikes(call::unbind, ec))
        return;
    {
        std::lock_guard lock{mutex_};
        const auto found = ends_.find(own);
        if (found == ends_.end()) {
            ec = errno_code(ENOTCONN);
            return;
        }
        // The stand-in has the same open file: closing ours would not take it out of the set.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.end.own_event.get(), nullptr);
        ends_.erase(found);
    }
    link_->unbind(channel_, own, ec);
}

/// Precondition: locked. A port that is bound no longer, though we did not unbind it, went with the
/// domain or with the hypervisor.
const client_event_channel::bound_end* client_event_channel::find(port own,
                                                                  error_code& ec) const noexcept {
    const auto found = ends_.find(own);
    if (found != ends_.end() && found->second.is_bound())
        return &found->second;
    ec = link_->state();
    if (!ec)
        ec = errno_code(ENOTCONN);
    return nullptr;
}

void client_event_channel::notify(port own, error_code& ec) noexcept {
    ec.clear();
    if (faults_->strikes(call::notify, ec))
        return;
    std::shared_lock lock{mutex_};
    const auto* found = find(own, ec);
    if (found && found->peer().make_pending())
        raise(found->end.peer_event);
}

void client_event_channel::unmask(port own, error_code& ec) noexcept {
    ec.clear();
    if (faults_->strikes(call::unmask, ec))
        return;
    std::shared_lock lock{mutex_};
    const auto* found = find(own, ec);
    // Xen's device ignores ports that are not bound through it (drivers/xen/evtchn.c,
    // evtchn_write).
    if (ec == errno_code(ENOTCONN))
        ec.clear();
    if (found && found->own().unmask())
        raise(found->end.own_event);
}

bool client_event_channel::take(std::uint64_t key) const noexcept {
    const auto found = ends_.find(port{static_cast<std::uint32_t>(key)});
    return found != ends_.end() && found->second.is_bound() && found->second.own().take();
}

std::size_t client_event_channel::read_pending(std::span<port> out, error_code& ec) noexcept {
    ec.clear();
    if (faults_->strikes(call::read_pending, ec))
        return 0;
    std::array<epoll_event, 64> events;
    const auto room = static_cast<int>(std::min(events.size(), out.size()));
    const int count = room == 0 ? 0 : ::epoll_wait(epoll_.get(), events.data(), room, 0);
    if (count < 0 && errno != EINTR)
        ec = errno_code(errno);
    std::size_t taken = 0;
    std::shared_lock lock{mutex_};
    for (int i = 0; i < count; ++i) {
        const auto key = events[static_cast<std::size_t>(i)].data.u64;
        if (key == end_of_link)
            ec = link_->state();
        else if (take(key))
            out[taken++] = port{static_cast<std::uint32_t>(key)};
    }
    return taken;
}

} // namespace xenring::local
