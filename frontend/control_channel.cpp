#include <xenring/frontend/control_channel.hpp>

#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

namespace xenring::frontend::detail {

namespace netif = ring::netif;

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
    offer_ = grant_offer{std::move(grants)};
    broken_ = std::move(broken);
    stopped_ = false;
    begin();
}

void control_channel::stop() noexcept {
    stopped_ = true;
    broken_ = nullptr;
    steered_ = nullptr;
    port_ = {};
    timer_.cancel();
}

/// What is being asked is answered first, by whichever backend.
void control_channel::begin() {
    asker_ = nullptr;
    hash_.restart();
    offer_.restart();
    look();
}

void control_channel::steer(std::optional<hash_steering> how, std::uint32_t queues,
                            steered_handler steered) {
    hash_.want(std::move(how), queues);
    steered_ = std::move(steered);
    ++steer_calls_;
    if (asker_ == &hash_)
        asker_ = nullptr;
    if (stopped_)
        return;
    look();
    timer_.cancel(); // the answer is no new backend's
}

void control_channel::look() {
    const auto ticket = port_.seen(); // before the ring is looked at
    for (bool again = true; again && !stopped_;) {
        while (const auto response = ring_.pop())
            take(*response);
        if (ring_.fault() != ring::fault::none)
            return fail(describe(ring_.fault()));
        if (!asked_)
            ask_next();
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
        if (self && !self->stopped_ && (!ec || self->asked_))
            self->wait(ticket);
    });
}

void control_channel::take(const netif::ctrl_response& response) {
    if (!asked_ || !netif::answers(response, *asked_))
        return ring_.poison(ring::fault::unexpected_response);
    asked_.reset();
    if (auto* const asker = std::exchange(asker_, nullptr))
        asker->take(response);
    tell_steered();
}

/// Only one request is under way at a time, so there is room for it.
void control_channel::ask_next() {
    const control_page page{pages_.bytes().subspan(page_size), pages_.references()[1]};
    for (control_script* const each :
         {static_cast<control_script*>(&hash_), static_cast<control_script*>(&offer_)}) {
        const auto message = each->next(page);
        if (!message)
            continue;
        asker_ = each;
        const auto [first, second, third] = message->data;
        asked_ = netif::ctrl_request{next_id_++, message->type, {first, second, third}};
        error_code ignored; // a backend that is away needs no event
        if (ring_.push(*asked_) && ring_.publish())
            port_.notify(ignored);
        return;
    }
}

/// Not of what was asked before another steer().
void control_channel::tell_steered() {
    const auto outcome = hash_.result();
    if (!outcome)
        return;
    boost::asio::post(timer_.get_executor(), [weak = weak_from_this(), call = steer_calls_, outcome,
                                              why = hash_.problem()] {
        const auto self = weak.lock();
        if (self && self->steered_ && call == self->steer_calls_)
            self->steered_(*outcome, why);
    });
}

void control_channel::fail(const std::string& why) {
    stopped_ = true;
    if (auto tell = std::exchange(broken_, nullptr))
        boost::asio::post(timer_.get_executor(),
                          [tell = std::move(tell), why] { tell("control ring: " + why); });
}

} // namespace xenring::frontend::detail
