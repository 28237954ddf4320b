#include <xenring/backend/netback_queue.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace xenring::backend {

namespace asio = boost::asio;

namespace {
constexpr unsigned patience = 8; ///< events without a cause in a row that cost no pause
constexpr unsigned rounds_per_drain = 64;
} // namespace

/// A step that is not taken any more once the queue was stopped.
template <class Function>
auto netback_queue::guarded(Function function) {
    return [self = shared_from_this(), function](const error_code& ec = {}) {
        if (!self->stopped_ && ec != asio::error::operation_aborted)
            function(*self, ec);
    };
}

netback_queue::netback_queue(const domain& here, domid guest, queue_resources resources,
                             const rx_path::traits& guest_takes, bool guest_tells_refills,
                             copy_batch& batch, vif_statistics& counts, const queue_limits& limits,
                             multicast_filter* filter)
    : executor_{here.get_executor()}, resources_{std::move(resources)},
      port_{executor_, resources_.descriptor}, counts_{counts}, exchange_{guest_takes.exchange},
      index_{guest_takes.queue}, tx_{here.hypervisor(),       guest,  resources_.tx_ring.bytes(),
                                     resources_.descriptor,   batch,  counts.tx,
                                     resources_.grants.get(), filter, guest_takes.capture},
      rx_{here.hypervisor(),
          guest,
          resources_.rx_ring.bytes(),
          resources_.descriptor,
          guest_takes,
          batch,
          counts.rx,
          resources_.grants.get()},
      limits_{limits}, guest_tells_refills_{guest_tells_refills}, calm_{executor_},
      rx_calm_{executor_}, rate_pause_{executor_}, poll_{executor_} {
    if (limits_.rate)
        rate_.emplace(*limits_.rate, std::chrono::steady_clock::now());
}

netback_queue::~netback_queue() = default;

void netback_queue::start(broken_handler handler) {
    handler_ = std::move(handler);
    stopped_ = false;
    // A netback that was killed may have answered and not told.
    error_code ignored; // a guest that has closed its end needs no event
    resources_.tx_port.notify(ignored);
    if (resources_.rx_port)
        resources_.rx_port.notify(ignored);
    schedule_tx();
    if (exchange_)
        exchange_->on_arrival(index_, [this] {
            if (!rx_waits_)
                schedule_rx();
        });
    wait_for_frames();
}

void netback_queue::stop() noexcept {
    stopped_ = true;
    if (exchange_)
        exchange_->on_arrival(index_, nullptr);
    resources_.tx_port = {};
    resources_.rx_port = {};
    calm_.cancel();
    rx_calm_.cancel();
    rate_pause_.cancel();
    poll_.cancel();
    error_code ignored;
    port_.close(ignored);
    handler_ = nullptr;
}

void netback_queue::set_rate(const std::optional<rate_limit>& rate) {
    if (rate == limits_.rate)
        return;
    limits_.rate = rate;
    rate_.reset();
    if (rate)
        rate_.emplace(*rate, std::chrono::steady_clock::now());
    if (rate_pause_.cancel() != 0) // for the end of a period that is none any more
        schedule_tx();
}

queue_resources netback_queue::release() noexcept {
    return std::exchange(resources_, {});
}

void netback_queue::serve_tx() {
    const auto ticket = resources_.tx_port.seen(); // before the ring is looked at
    if (waits_for_rate())
        return;
    const auto result =
        rate_ ? tx_.serve(rate_->available(std::chrono::steady_clock::now())) : tx_.serve();
    if (rate_)
        rate_->spend(result.bytes);
    error_code ignored; // a guest that has closed its end needs no event
    if (result.notify)
        resources_.tx_port.notify(ignored);
    if (tx_.fault() != ring::fault::none)
        return fail(broken::guest, std::string{"tx ring: "} + describe(tx_.fault()) + ": " +
                                       describe(tx_.broken_packet()));
    answered_ += result.packets;
    if (result.packets != 0)
        idle_events_ = 0;
    if (result.more || tx_.arm())
        schedule_tx();
    else
        listen(ticket);
}

void netback_queue::schedule_tx() {
    if (std::exchange(tx_scheduled_, true))
        return;
    asio::post(executor_, guarded([](netback_queue& queue, auto) {
                   queue.tx_scheduled_ = false;
                   queue.serve_tx();
               }));
}

/// For both directions, if they share a port: whichever has to wait. The other may be at work.
void netback_queue::listen(event_ticket ticket) {
    if (std::exchange(tx_port_waits_, true))
        return; // with an older ticket
    if (idle_events_ < patience)
        wait_for_events(ticket);
    else
        rest(calm_, ticket, &netback_queue::wait_for_events);
}

void netback_queue::wait_for_events(event_ticket ticket) {
    resources_.tx_port.async_wait(ticket, guarded([](netback_queue& queue, const error_code& ec) {
                                      queue.tx_port_waits_ = false;
                                      if (ec)
                                          return queue.fail(broken::port,
                                                            "event channel: " + ec.message());
                                      ++queue.counts_.tx.events;
                                      ++queue.idle_events_;
                                      const auto before = queue.answered_;
                                      if (queue.rx_waits_ && !queue.resources_.rx_port)
                                          queue.serve_rx();
                                      if (!queue.stopped_)
                                          queue.serve_tx();
                                      if (queue.answered_ == before)
                                          ++queue.counts_.tx.idle;
                                      else
                                          queue.idle_events_ = 0;
                                  }));
}

/// A guest that raises events for nothing waits a little before the next one is let through.
void netback_queue::rest(asio::steady_timer& calm, event_ticket ticket,
                         void (netback_queue::*wait)(event_ticket)) {
    calm.expires_after(limits_.calm);
    calm.async_wait(guarded([ticket, wait](netback_queue& queue, auto) { (queue.*wait)(ticket); }));
}

/// True: what may be transmitted in this period was. Nobody listens for requests until the next.
bool netback_queue::waits_for_rate() {
    if (!rate_ || rate_->available(std::chrono::steady_clock::now()) != 0)
        return false;
    rate_pause_.expires_at(rate_->next());
    rate_pause_.async_wait(guarded([](netback_queue& queue, auto) { queue.serve_tx(); }));
    return true;
}

void netback_queue::schedule_rx() {
    if (std::exchange(rx_scheduled_, true))
        return;
    asio::post(executor_, guarded([](netback_queue& queue, auto) {
                   queue.rx_scheduled_ = false;
                   queue.serve_rx();
               }));
}

void netback_queue::wait_for_frames() {
    if (std::exchange(port_waits_, true))
        return;
    port_.async_wait(asio::posix::stream_descriptor::wait_read,
                     guarded([](netback_queue& queue, const error_code& ec) {
                         queue.port_waits_ = false;
                         if (ec)
                             return queue.fail(broken::port, "frame port: " + ec.message());
                         queue.serve_rx();
                     }));
}

void netback_queue::serve_rx() {
    rx_waits_ = false;
    const bool held = rx_.holds();
    error_code ec;
    const auto result = rx_.serve(ec);
    error_code ignored;
    if (result.notify)
        (resources_.rx_port ? resources_.rx_port : resources_.tx_port).notify(ignored);
    if (rx_.fault() != ring::fault::none)
        return fail(broken::guest, std::string{"rx ring: "} + describe(rx_.fault()));
    if (ec)
        return fail(broken::port, "frame port: " + ec.message());
    answered_ += result.packets;
    if (result.packets != 0)
        rx_idle_events_ = 0;
    if (!held || result.packets != 0)
        held_since_ = std::chrono::steady_clock::now();
    if (rx_.holds()) {
        wait_for_buffers();
        if (rx_.sorts())
            wait_for_frames(); // of other queues
    } else if (result.more) {
        schedule_rx();
    } else {
        wait_for_frames();
    }
}

/// A frame is held. The port's readiness is of no interest meanwhile.
void netback_queue::wait_for_buffers() {
    const bool own_port{resources_.rx_port};
    const auto ticket = (own_port ? resources_.rx_port : resources_.tx_port).seen();
    if (rx_.arm())
        return schedule_rx();
    rx_waits_ = true;
    if (!own_port) {
        listen(ticket);
    } else if (!std::exchange(rx_port_waits_, true)) {
        if (rx_idle_events_ < patience)
            wait_for_refill(ticket);
        else
            rest(rx_calm_, ticket, &netback_queue::wait_for_refill);
    }
    // Other events end up here as well, and must not put off the end of the wait.
    const auto end = held_since_ + limits_.drain;
    const auto next_look = std::chrono::steady_clock::now() + limits_.poll;
    poll_.expires_at(guest_tells_refills_ ? end : std::min(end, next_look));
    poll_.async_wait(guarded([](netback_queue& queue, auto) {
        if (!queue.rx_waits_)
            return;
        if (std::chrono::steady_clock::now() - queue.held_since_ >= queue.limits_.drain)
            queue.drain(rounds_per_drain);
        else
            queue.serve_rx();
    }));
}

/// The guest has had no buffers for so long: what waits is given up, not only what was held. In
/// rounds, and not for ever: new frames may come as fast.
void netback_queue::drain(unsigned rounds) {
    if (!rx_.drop() || rounds == 0)
        return serve_rx();
    asio::post(executor_, guarded([rounds](netback_queue& queue, auto) {
                   if (queue.rx_waits_) // nobody has come in between
                       queue.drain(rounds - 1);
               }));
}

/// On the port for received frames, if the guest has one.
void netback_queue::wait_for_refill(event_ticket ticket) {
    resources_.rx_port.async_wait(ticket, guarded([](netback_queue& queue, const error_code& ec) {
                                      queue.rx_port_waits_ = false;
                                      if (ec)
                                          return queue.fail(broken::port,
                                                            "event channel: " + ec.message());
                                      ++queue.counts_.rx.events;
                                      ++queue.rx_idle_events_;
                                      if (queue.rx_waits_)
                                          queue.serve_rx();
                                      queue.counts_.rx.idle += queue.rx_idle_events_ != 0;
                                  }));
}

void netback_queue::fail(broken what, std::string why) {
    stopped_ = true; // the owner stops it in order
    if (const auto handler = std::exchange(handler_, nullptr))
        handler(what, std::move(why));
}

} // namespace xenring::backend
