#include <xenring/frontend/netfront_queue.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace xenring::frontend::detail {

namespace asio = boost::asio;

namespace {
constexpr unsigned patience = 8;       ///< events without a cause in a row that cost no pause
constexpr std::size_t publish_at = 32; ///< pages shown to the backend at once
} // namespace

netfront_queue::netfront_queue(const surroundings& where, const queue_options& options,
                               netfront_statistics& counts, std::string& problem, error_code& ec)
    : executor_{where.here.get_executor()}, options_{options}, counts_{counts},
      tx_{executor_, std::make_shared<wait_slot>(executor_)}, rx_{executor_, where.frames} {
    auto& machine = where.here.hypervisor();
    const auto backend = where.backend;
    problem = "pages for domain " + std::to_string(backend.value);
    tx_ring_ = machine.share(backend, 1, access::read_write, {}, ec);
    if (!ec)
        rx_ring_ = machine.share(backend, 1, access::read_write, {}, ec);
    page_shelf outgoing, incoming, copies;
    if (!ec)
        outgoing = page_shelf{where.pool, backend, access::read_only, options.tx_pages, ec};
    if (!ec)
        incoming = page_shelf{where.pool, backend, access::read_write, options.rx_pages, ec};
    if (ec)
        return;
    if (!options.trusted)
        copies = page_shelf::of_private_pages(options.rx_pages + ring::netif::max_slots);
    sender_ = std::make_shared<tx_path>(tx_ring_.bytes(), std::move(outgoing), !options.trusted,
                                        counts_.tx);
    receiver_ = std::make_shared<rx_path>(rx_ring_.bytes(), std::move(incoming), std::move(copies),
                                          options.takes, counts_.rx);
    problem = "event channel for domain " + std::to_string(backend.value);
    tx_.channel = where.ports.bind_unbound(backend, ec);
    if (!ec && options.split_event_channels)
        rx_.channel = where.ports.bind_unbound(backend, ec);
}

netfront_queue::~netfront_queue() {
    stop(asio::error::operation_aborted);
    release();
}

net::vif_queue_keys netfront_queue::keys() const noexcept {
    net::vif_queue_keys out{tx_ring_.references()[0], rx_ring_.references()[0],
                            tx_.channel.number(), std::nullopt};
    if (rx_.channel)
        out.rx_port = rx_.channel.number();
    return out;
}

std::vector<ring::netif::gref_entry> netfront_queue::granted() const {
    std::vector<ring::netif::gref_entry> out;
    sender_->pages().append_entries(out, ring::netif::gref_readonly);
    receiver_->pages().append_entries(out, 0);
    return out;
}

void netfront_queue::start(broken_handler broken) {
    broken_ = std::move(broken);
    sender_->on_return = [this] { look_for_room(); };
    receiver_->on_return = [this] { look_for_frames(); };
    (void)receiver_->publish();
    notify(tx_); // the rings may not be empty
    if (rx_.channel)
        notify(rx_);
    look_for_frames();
    look_for_room();
}

void netfront_queue::stop(const error_code& why) noexcept {
    if (ended_)
        return;
    ended_ = why;
    broken_ = nullptr;
    multicast_.reset();
    for (auto* which : {&tx_, &rx_}) {
        which->channel = {};
        which->calm.cancel();
        which->waiter->end(why);
    }
    if (sender_) {
        sender_->end();
        receiver_->end();
        sender_->on_return = receiver_->on_return = nullptr;
    }
}

void netfront_queue::release() noexcept {
    tx_ring_ = {};
    rx_ring_ = {};
    sender_.reset(); // its free pages go back, and their grants end
    receiver_.reset();
}

outgoing_frame netfront_queue::prepare(std::size_t size, std::size_t headroom) {
    auto frame = ended_ ? outgoing_frame{} : sender_->prepare(size, headroom);
    check();
    return frame;
}

void netfront_queue::send(outgoing_frame& frame, const ring::netif::packet_info& info,
                          error_code& ec) {
    ec = ended_;
    if (ec)
        return;
    bool wanted = false;
    sender_->send(frame, info, wanted, ec);
    if (wanted)
        notify(tx_);
    check();
}

received_frame netfront_queue::receive(error_code& ec) {
    ec = ended_;
    if (ec)
        return {};
    auto frame = receiver_->receive();
    if (frame)
        rx_.idle_events = 0;
    else if (receiver_->fault())
        ec = errc::ring_corrupt;
    if ((!frame || receiver_->unpublished() >= publish_at) && receiver_->publish())
        notify(rx_);
    check();
    return frame;
}

void netfront_queue::wait_for_room(const tx_path::room& wanted, wait_handler handler) {
    if (!tx_.waiter->begin(std::move(handler)))
        return;
    wanted_ = wanted;
    look_for_room();
}

void netfront_queue::look_for_frames() {
    if (!rx_.waiter->waits())
        return;
    if (ended_)
        return rx_.waiter->end(ended_);
    const auto ticket = channel(rx_).seen(); // before the ring is looked at
    if (receiver_->publish())
        notify(rx_);
    if (receiver_->ready() || receiver_->arm())
        return rx_.waiter->end({});
    sleep(rx_, ticket, &netfront_queue::look_for_frames, counts_.rx);
}

void netfront_queue::change_multicast(std::uint8_t type, const ring::netif::mac_address& address,
                                      multicast_handler answered) {
    multicast_.emplace(multicast_change{type, address, std::move(answered)});
    look_for_room();
}

/// Asks what is to be asked, and tells what was answered.
void netfront_queue::move_multicast() {
    sender_->reap();
    const auto status = sender_->multicast_status();
    bool wanted = false;
    if (multicast_ && !multicast_->asked)
        multicast_->asked = sender_->ask_multicast(multicast_->type, multicast_->address, wanted);
    if (wanted)
        notify(tx_);
    if (!status || !multicast_)
        return;
    tx_.idle_events = 0;
    asio::post(executor_, [tell = std::move(multicast_->answered), status] { tell(*status); });
    multicast_.reset();
}

/// For a frame, if somebody waits for that, and for a change of the multicast filter and its
/// answer.
void netfront_queue::look_for_room() {
    if (ended_)
        return tx_.waiter->end(ended_);
    const auto ticket = channel(tx_).seen(); // before the ring is looked at
    for (bool again = true; again;) {
        if (multicast_)
            move_multicast();
        if (tx_.waiter->waits() && (sender_->has(wanted_) || sender_->fault())) {
            tx_.idle_events = 0;
            tx_.waiter->end({});
        }
        if (sender_->fault())
            return check();
        if (!tx_.waiter->waits() && !multicast_)
            return;
        again = sender_->awaits_answers() && sender_->arm();
    }
    sleep(tx_, ticket, &netfront_queue::look_for_room, counts_.tx);
}

/// Until the next event; a backend that raises them for nothing has the next one let through only
/// after a while.
void netfront_queue::sleep(direction& which, event_ticket ticket, look_function look,
                           flow_statistics& counts) {
    if (std::exchange(which.sleeps, true))
        return;
    auto woken = [self = shared_from_this(), &which, look, &counts](const error_code& ec) {
        which.sleeps = false;
        if (self->ended_ || ec == asio::error::operation_aborted)
            return;
        if (ec) {
            self->fail(ec, "event channel: " + ec.message());
            return self->stop(ec);
        }
        ++counts.events;
        const auto idle = ++which.idle_events;
        ((*self).*look)();
        counts.idle += which.sleeps && idle == which.idle_events;
    };
    if (which.idle_events < patience) {
        channel(which).async_wait(ticket, std::move(woken));
        return;
    }
    which.calm.expires_after(options_.calm);
    which.calm.async_wait([self = shared_from_this(), &which, ticket,
                           next = std::move(woken)](error_code ec) mutable {
        if (!self->ended_ && !ec)
            self->channel(which).async_wait(ticket, std::move(next));
    });
}

void netfront_queue::notify(direction& which) noexcept {
    error_code ignored; // a backend that is away needs no event
    channel(which).notify(ignored);
}

void netfront_queue::check() {
    const char* const in_tx = sender_ ? sender_->fault() : nullptr;
    const char* const in_rx = receiver_ ? receiver_->fault() : nullptr;
    if (in_tx || in_rx)
        fail(errc::ring_corrupt,
             in_tx ? std::string{"tx ring: "} + in_tx : std::string{"rx ring: "} + in_rx);
}

void netfront_queue::fail(const error_code& reason, std::string why) {
    if (broken_)
        asio::post(executor_, [tell = std::exchange(broken_, nullptr), reason,
                               text = std::move(why)] { tell(reason, text); });
}

} // namespace xenring::frontend::detail
