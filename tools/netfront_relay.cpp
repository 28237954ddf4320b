#include "netfront_relay.hpp"

#include <xenring/net/tap.hpp>
#include <xenring/net/virtio_header.hpp>

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

netfront_relay::netfront_relay(frontend::netfront& net, const std::string& name, error_code& ec)
    : net_{net}, tap_{net.get_executor()}, mtu_{net.device().mtu}, outgoing_(net::max_frame_size),
      incoming_(net::max_frame_size) {
    net::tap_options options;
    options.name = name;
    options.mac = net.device().mac;
    options.mtu = mtu_;
    port_ = net::open_tap(options, ec);
    if (!ec)
        port_->set_offloads(net.device().takes, ec);
    if (ec)
        return;
    const int descriptor = port_->open_queue(0, ec);
    if (!ec)
        tap_.assign(descriptor, ec);
}

void netfront_relay::start(std::function<void(const error_code&)> ended) {
    ++round_;
    ended_ = std::move(ended);
    error_code ec;
    port_->set_offloads(net_.device().takes, ec); // another backend may take less
    if (!ec)
        follow_device(ec);
    if (ec)
        return end(ec);
    wait_for_tap();
    receive();
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
    tap_.cancel(ignored);
}

void netfront_relay::end(const error_code& ec) {
    stop();
    if (const auto ended = std::exchange(ended_, nullptr))
        ended(ec);
}

void netfront_relay::wait_for_tap() {
    tap_.async_wait(asio::posix::stream_descriptor::wait_read,
                    guarded([](netfront_relay& relay) { relay.send(); }));
}

void netfront_relay::send() {
    for (int i = 0; i != frames_per_round; ++i) {
        auto room = net_.prepare(largest);
        if (!room && net_.is_connected()) // before the TAP's next frame is in our hands
            return net_.async_wait_room(largest,
                                        guarded([](netfront_relay& relay) { relay.send(); }));
        room = {};
        error_code ec;
        const bool more = send_one(ec);
        if (ec)
            return end(ec);
        if (!more)
            return wait_for_tap();
    }
    asio::post(net_.get_executor(), guarded([](netfront_relay& relay) { relay.send(); }));
}

/// False if the TAP has none. A frame that cannot be sent is lost, as on a wire.
bool netfront_relay::send_one(error_code& ec) {
    net::virtio_header header;
    const auto size = net::read_frame(tap_.native_handle(), header, outgoing_, ec);
    if (size == 0)
        return false;
    const auto bytes = std::span{outgoing_}.first(size);
    const auto info = net::from_virtio(header, bytes, net_.device().takes);
    auto frame = info ? net_.prepare(size) : frontend::outgoing_frame{};
    if (!frame)
        return true;
    frame.fill(bytes);
    net_.send(frame, *info, ec);
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
    if (frame.size() > incoming_.size())
        return;
    const auto bytes = std::span{incoming_}.first(frame.copy_to(incoming_));
    error_code refused; // by a TAP that is down
    if (const auto header = net::to_virtio(bytes, frame.info()))
        net::write_frame(tap_.native_handle(), *header, bytes, refused);
}

} // namespace xenring::tools
