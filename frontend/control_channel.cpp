#include <xenring/frontend/control_channel.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace xenring::frontend::detail {

namespace netif = ring::netif;
namespace control_type = netif::control_type;

namespace {
constexpr std::chrono::milliseconds pause{100}; ///< before an event counts as a new backend's
}

control_channel::control_channel(hypervisor& machine, port_set& ports, domid backend,
                                 error_code& ec)
    : pages_{machine.share(backend, 2, access::read_write, {}, ec)},
      ring_{netif::control_front_ring::initialise(pages_.bytes().first(pages_ ? page_size : 0))},
      timer_{ports.get_executor()} {
    if (!ec)
        port_ = ports.bind_unbound(backend, ec);
}

void control_channel::start(std::vector<entries> grants, broken_handler broken) {
    grants_ = std::move(grants);
    broken_ = std::move(broken);
    stopped_ = false;
    begin();
}

void control_channel::stop() noexcept {
    stopped_ = true;
    broken_ = nullptr;
    port_ = {};
    timer_.cancel();
}

/// What is being asked is answered first, by whichever backend.
void control_channel::begin() {
    begin_again_ = asked_.has_value();
    if (!begin_again_)
        begin_queue(0);
    look();
}

void control_channel::look() {
    const auto ticket = port_.seen(); // before the ring is looked at
    for (bool again = true; again && !stopped_;) {
        while (const auto response = ring_.pop())
            take(*response);
        if (ring_.fault() != ring::fault::none)
            return fail(describe(ring_.fault()));
        again = asked_ && ring_.arm();
    }
    if (stopped_ || std::exchange(waits_, true))
        return;
    if (!asked_)
        return rest(ticket);
    wait(ticket);
}

/// An event means an answer, or, if nothing was asked, a new backend.
void control_channel::wait(event_ticket ticket) {
    port_.async_wait(ticket, [weak = weak_from_this()](const error_code& ec) {
        const auto self = weak.lock();
        if (ec || !self || self->stopped_)
            return;
        self->waits_ = false;
        self->asked_ ? self->look() : self->begin();
    });
}

/// Not every event counts as a new backend.
void control_channel::rest(event_ticket ticket) {
    timer_.expires_after(pause);
    timer_.async_wait([weak = weak_from_this(), ticket](const error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self && !self->stopped_)
            self->wait(ticket);
    });
}

void control_channel::take(const netif::ctrl_response& response) {
    if (!asked_ || !netif::answers(response, *asked_))
        return ring_.poison(ring::fault::unexpected_response);
    const auto type = std::exchange(asked_, std::nullopt)->type;
    if (std::exchange(begin_again_, false))
        return begin_queue(0);
    if (response.status != netif::control_status::success)
        return;
    if (type == control_type::get_gref_mapping_size) {
        wanted_ = std::min<std::size_t>(response.data, grants_[queue_].size());
        added_ = 0;
    }
    add_more();
}

void control_channel::begin_queue(std::size_t queue) {
    queue_ = queue;
    ask(control_type::get_gref_mapping_size);
}

/// What is left of this queue's, or else the next queue's.
void control_channel::add_more() {
    const auto count = std::min<std::size_t>(wanted_ - added_, netif::max_gref_entries);
    if (count == 0) {
        if (queue_ + 1 != grants_.size())
            begin_queue(queue_ + 1);
        return;
    }
    const auto list = std::as_bytes(std::span{grants_[queue_]}.subspan(added_, count));
    ring::copy_bytes_in(pages_.bytes().subspan(page_size), list);
    added_ += count;
    ask(control_type::add_gref_mapping, pages_.references()[1].value,
        static_cast<std::uint32_t>(count));
}

/// Only one request is under way at a time, so there is room for it.
void control_channel::ask(std::uint16_t type, std::uint32_t second, std::uint32_t third) {
    asked_ =
        netif::ctrl_request{next_id_++, type, {static_cast<std::uint32_t>(queue_), second, third}};
    error_code ignored; // a backend that is away needs no event
    if (ring_.push(*asked_) && ring_.publish())
        port_.notify(ignored);
}

void control_channel::fail(const std::string& why) {
    stopped_ = true;
    if (auto tell = std::exchange(broken_, nullptr))
        boost::asio::post(timer_.get_executor(),
                          [tell = std::move(tell), why] { tell("control ring: " + why); });
}

} // namespace xenring::frontend::detail
