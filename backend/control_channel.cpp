#include <xenring/backend/control_channel.hpp>
#include <xenring/grant/blocking.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace xenring::backend {

namespace netif = ring::netif;
using netif::control_status::invalid_parameter;
using netif::control_status::success;

namespace {

/// Whether a list can be added as a whole, as far as that can be said before it is tried.
bool is_acceptable(std::span<const netif::gref_entry> entries, const static_grants& grants) {
    if (entries.size() > grants.limit() - grants.size())
        return false;
    std::vector<std::uint32_t> references;
    for (const auto& [reference, flags, status] : entries) {
        if ((flags & ~netif::gref_readonly) != 0 || grants.find(reference) != nullptr)
            return false;
        references.push_back(reference);
    }
    std::ranges::sort(references);
    return std::ranges::adjacent_find(references) == references.end();
}

} // namespace

control_channel::control_channel(const domain& here, domid guest, control_resources resources,
                                 std::chrono::milliseconds pause)
    : here_{here}, guest_{guest}, resources_{std::move(resources)},
      ring_{netif::control_back_ring::attach(resources_.ring.bytes())}, pause_{pause},
      timer_{here.get_executor()} {}

void control_channel::start(broken_handler handler) {
    handler_ = std::move(handler);
    stopped_ = false;
    error_code ignored; // a guest that has closed its end needs no event
    resources_.port.notify(ignored);
    boost::asio::post(here_.get_executor(), [weak = weak_from_this()] {
        if (const auto self = weak.lock(); self && !self->stopped_)
            self->serve();
    });
}

void control_channel::stop() noexcept {
    stopped_ = true;
    handler_ = nullptr;
    resources_.port = {};
    timer_.cancel();
}

void control_channel::release() noexcept {
    resources_ = {};
    pages_.clear();
}

void control_channel::serve() {
    const auto ticket = resources_.port.seen(); // before the ring is looked at
    bool cheap = true;
    for (std::size_t i = 0; i != ring_.capacity() && cheap; ++i) {
        const auto next = ring_.pop();
        if (!next)
            break;
        cheap = handle(*next);
    }
    if (ring_.fault() != ring::fault::none) {
        stopped_ = true; // the owner stops it in order
        if (const auto handler = std::exchange(handler_, nullptr))
            handler(std::string{"control ring: "} + describe(ring_.fault()));
    } else if (!busy_) {
        rest(ticket);
    }
}

void control_channel::rest(event_ticket ticket) {
    timer_.expires_after(pause_);
    timer_.async_wait([weak = weak_from_this(), ticket](const error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self && !self->stopped_)
            self->wait(ticket);
    });
}

void control_channel::wait(event_ticket ticket) {
    if (ring_.arm())
        return serve();
    resources_.port.async_wait(ticket, [weak = weak_from_this()](const error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self && !self->stopped_)
            self->serve();
    });
}

/// False: it cost enough for one look.
bool control_channel::handle(const request& what) {
    const auto limit = static_cast<std::uint32_t>(resources_.grants.front()->limit());
    const auto step = netif::begin(what, resources_.exchange->settings(), limit);
    switch (step.need) {
    case netif::control_need::nothing:
        respond(step.response);
        return true;
    case netif::control_need::key:
        set_key(what, step);
        return false;
    case netif::control_need::mapping:
        set_mapping(what, step);
        return false;
    case netif::control_need::add_grefs:
    case netif::control_need::del_grefs:
        change_grants(what, step);
        return false;
    }
    return false;
}

void control_channel::change_grants(const request& what, const netif::control_step& step) {
    auto entries = fetch<netif::gref_entry>(step.gref, step.bytes);
    auto& grants = *resources_.grants[step.queue];
    if (!entries)
        respond(what, invalid_parameter);
    else if (step.need == netif::control_need::add_grefs)
        add(what, grants, std::move(*entries));
    else
        remove(what, grants, std::move(*entries));
}

void control_channel::set_key(const request& what, const netif::control_step& step) {
    if (const auto key = fetch<std::uint8_t>(step.gref, step.bytes))
        respond(netif::finish_key(what, resources_.exchange->settings(), *key));
    else
        respond(what, invalid_parameter);
}

void control_channel::set_mapping(const request& what, const netif::control_step& step) {
    if (const auto queues = fetch<std::uint32_t>(step.gref, step.bytes))
        respond(netif::finish_mapping(what, resources_.exchange->settings(), *queues));
    else
        respond(what, invalid_parameter);
}

void control_channel::add(const request& what, static_grants& grants,
                          std::vector<netif::gref_entry> entries) {
    if (!is_acceptable(entries, grants))
        return respond(what, invalid_parameter);
    wanted_ = std::move(entries);
    in_background(&control_channel::map_wanted, [this, what, &grants] {
        const bool mapped = !pages_.empty();
        if (std::exchange(over_budget_, false))
            complain_of_budget();
        grants.add(std::exchange(pages_, {}));
        respond(what, mapped ? success : invalid_parameter);
    });
}

/// A guest that is refused has its data copied as from any other page.
void control_channel::complain_of_budget() {
    if (std::exchange(complained_, true) || !resources_.complain)
        return;
    resources_.complain("no more static grants: guests have " +
                        std::to_string(resources_.budget->most()) +
                        " pages mapped, which is the most for all of them together (half of "
                        "vm.max_map_count, if nothing else was asked for)");
}

/// All of them or none.
void control_channel::map_wanted() {
    for (const auto& [reference, flags, status] : wanted_) {
        const bool mapped = (flags & netif::gref_readonly) != 0
                                ? map_one<access::read_only>(grant_ref{reference})
                                : map_one<access::read_write>(grant_ref{reference});
        if (!mapped)
            return pages_.clear();
    }
}

template <access Mode>
bool control_channel::map_one(grant_ref reference) {
    auto part = mapping_budget::take(resources_.budget);
    over_budget_ = !part;
    if (over_budget_)
        return false;
    error_code ec;
    const foreign_grant page{guest_, reference};
    auto mapped = here_.hypervisor().map<Mode>(std::span{&page, 1}, {}, ec);
    if (!ec)
        pages_.emplace_back(reference, std::move(mapped), std::move(part));
    return !ec;
}

void control_channel::remove(const request& what, static_grants& grants,
                             std::vector<netif::gref_entry> entries) {
    std::vector<std::uint32_t> references;
    references.reserve(entries.size());
    for (const auto& each : entries)
        references.push_back(each.gref);
    std::vector<bool> found;
    pages_ = grants.remove(references, found);
    for (std::size_t i = 0; i != entries.size(); ++i)
        entries[i].status = static_cast<std::uint16_t>(found[i] ? success : invalid_parameter);
    const auto count = static_cast<std::uint32_t>(pages_.size());
    in_background(&control_channel::unmap, [this, what, count, entries = std::move(entries)] {
        respond(what, write_back(what.data[1], entries) ? success : invalid_parameter, count);
    });
}

void control_channel::unmap() {
    pages_.clear();
}

void control_channel::in_background(void (control_channel::*job)(), std::function<void()> done) {
    busy_ = true;
    xenring::detail::run_blocking(
        here_.get_executor(), [self = shared_from_this(), job] { ((*self).*job)(); },
        [self = shared_from_this(), done = std::move(done)] {
            if (self->stopped_)
                return;
            self->busy_ = false;
            done();
            self->serve();
        });
}

void control_channel::respond(const request& what, std::uint32_t status, std::uint32_t data) {
    respond(netif::respond(what, status, data));
}

void control_channel::respond(const netif::ctrl_response& response) {
    if (!ring_.push(response))
        return; // the ring is broken
    error_code ignored;
    if (ring_.publish())
        resources_.port.notify(ignored);
}

/// A private copy of what a page of the guest's begins with.
template <class T>
std::optional<std::vector<T>> control_channel::fetch(std::uint32_t gref, std::uint32_t bytes) {
    std::vector<T> out(bytes / sizeof(T));
    if (out.empty())
        return out; // which takes no page
    copy_segment segment{.source = granted_memory{guest_, grant_ref{gref}, 0},
                         .destination = reinterpret_cast<std::byte*>(out.data()),
                         .length = static_cast<std::uint16_t>(bytes)};
    error_code ec; // the segment says it as well
    here_.hypervisor().copy(std::span{&segment, 1}, ec);
    if (segment.status != grant_status::okay)
        return std::nullopt;
    return out;
}

bool control_channel::write_back(std::uint32_t gref, std::span<const netif::gref_entry> entries) {
    copy_segment segment{.source = std::as_bytes(entries).data(),
                         .destination = granted_memory{guest_, grant_ref{gref}, 0},
                         .length = static_cast<std::uint16_t>(entries.size_bytes())};
    error_code ec;
    here_.hypervisor().copy(std::span{&segment, 1}, ec);
    return segment.status == grant_status::okay;
}

} // namespace xenring::backend
