#include "netfront_relay.hpp"

#include <xenring/net/tap.hpp>
#include <xenring/net/virtio_header.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace xenring::tools {

namespace asio = boost::asio;

namespace {
constexpr int frames_per_round = 64;
constexpr std::size_t largest = ring::netif::max_tx_size;
} // namespace

template <class Function>
auto netfront_relay::guarded(Function function) {
    return [self = shared_from_this(), round = round_, function](const error_code& ec = {}) {
        if (round != self->round_)
            return;
        if (ec)
            return self->end(ec);
        function(*self);
    };
}

netfront_relay::netfront_relay(frontend::netfront& net, const std::string& name, bool multi_queue,
                               error_code& ec)
    : net_{net}, mtu_{net.device().mtu}, outgoing_(net::max_frame_size),
      incoming_(net::max_frame_size) {
    net::tap_options options;
    options.name = name;
    options.multi_queue = multi_queue;
    options.mac = net.device().mac;
    options.mtu = mtu_;
    port_ = net::open_tap(options, ec);
}

void netfront_relay::start(std::function<void(const error_code&)> ended) {
    ++round_;
    ended_ = std::move(ended);
    error_code ec;
    port_->set_offloads(net_.device().takes, ec); // another backend may take less
    if (!ec)
        open_queues(ec); // or have other queues
    if (!ec)
        follow_device(ec);
    if (ec)
        return end(ec);
    for (std::size_t queue = 0; queue != queues_.size(); ++queue)
        wait_for_tap(queue);
    receive();
}

void netfront_relay::open_queues(error_code& ec) {
    while (queues_.size() > net_.queue_count())
        queues_.pop_back();
    while (queues_.size() < net_.queue_count() && !ec) {
        const int descriptor = port_->open_queue(queues_.size(), ec);
        if (!ec)
            queues_.emplace_back(net_.get_executor(), descriptor);
    }
}

/// An MTU that somebody else gave the TAP stays until the device has another one.
void netfront_relay::follow_device(error_code& ec) {
    ec.clear();
    if (!ended_)
        return;
    const auto& device = net_.device();
    port_->set_carrier(device.carrier);
    if (std::exchange(mtu_, device.mtu) != device.mtu)
        net::set_mtu(port_->name(), device.mtu, ec);
}

void netfront_relay::stop() {
    ++round_;
    port_->set_carrier(false);
    error_code ignored;
    for (auto& each : queues_)
        each.cancel(ignored);
}

void netfront_relay::end(const error_code& ec) {
    stop();
    if (const auto ended = std::exchange(ended_, nullptr))
        ended(ec);
}

void netfront_relay::wait_for_tap(std::size_t queue) {
    queues_[queue].async_wait(tap_queue::wait_read,
                              guarded([queue](netfront_relay& relay) { relay.send(queue); }));
}

void netfront_relay::send(std::size_t queue) {
    auto again = guarded([queue](netfront_relay& relay) { relay.send(queue); });
    for (int i = 0; i != frames_per_round; ++i) {
        auto room = net_.prepare(largest, queue);
        if (!room && net_.is_connected()) // before the TAP's next frame is in our hands
            return net_.async_wait_room(largest, queue, std::move(again));
        room = {};
        error_code ec;
        const bool more = send_one(queue, ec);
        if (ec)
            return end(ec);
        if (!more)
            return wait_for_tap(queue);
    }
    asio::post(net_.get_executor(), std::move(again));
}

/// False if the TAP has none. A frame that cannot be sent is lost, as on a wire.
bool netfront_relay::send_one(std::size_t queue, error_code& ec) {
    net::virtio_header header;
    const auto size = net::read_frame(queues_[queue].native_handle(), header, outgoing_, ec);
    if (size == 0)
        return false;
    const auto bytes = std::span{outgoing_}.first(size);
    const auto info = net::from_virtio(header, bytes, net_.device().takes);
    if (!info || size > largest) {
        ++(info ? lost_out_.too_large : lost_out_.unusable);
        return true;
    }
    if (auto frame = net_.prepare(size, queue)) {
        frame.fill(bytes);
        net_.send(frame, *info, ec);
    } else {
        ec = asio::error::would_block;
    }
    lost_out_.refused += bool(ec);
    if (ec != condition::peer_gone && ec != condition::peer_misbehaved && ec != errc::not_connected)
        ec.clear();
    return true;
}

void netfront_relay::wait_for_net() {
    net_.async_wait_frame(guarded([](netfront_relay& relay) { relay.receive(); }));
}

void netfront_relay::receive() {
    for (int i = 0; i != frames_per_round; ++i) {
        error_code ec;
        const auto frame = net_.receive(ec);
        if (ec)
            return end(ec);
        if (!frame)
            return wait_for_net();
        deliver(frame);
    }
    asio::post(net_.get_executor(), guarded([](netfront_relay& relay) { relay.receive(); }));
}

/// Into private memory first: the header is made of what is written.
void netfront_relay::deliver(const frontend::received_frame& frame) {
    if (frame.size() > incoming_.size()) {
        ++lost_in_.too_large;
        return;
    }
    const auto bytes = std::span{incoming_}.first(frame.copy_to(incoming_));
    const auto header = net::to_virtio(bytes, frame.info());
    error_code refused; // by a TAP that is down
    if (header)
        net::write_frame(queues_[frame.queue()].native_handle(), *header, bytes, refused);
    lost_in_.unusable += !header;
    lost_in_.refused += bool(refused);
}

} // namespace xenring::tools
