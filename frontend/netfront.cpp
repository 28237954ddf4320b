#include <xenring/frontend/netfront.hpp>
#include <xenring/frontend/netfront_core.hpp>
#include <xenring/ring/netif_hash.hpp>

#include <boost/asio/append.hpp>

#include <array>
#include <utility>

namespace xenring::frontend {

netfront::netfront(const domain& here, netfront_options options)
    : core_{std::make_shared<detail::netfront_core>(here, std::move(options))} {}

netfront::~netfront() {
    if (core_)
        core_->abandon();
}

netfront::executor_type netfront::get_executor() const noexcept {
    return core_->here().get_executor();
}

bool netfront::is_connected() const noexcept {
    return core_->is_connected();
}
const vif_backend_keys& netfront::device() const noexcept {
    return core_->keys();
}
std::size_t netfront::queue_count() const noexcept {
    return core_->queue_count();
}
netfront_statistics netfront::statistics() const noexcept {
    netfront_statistics sum;
    for (const auto& each : core_->statistics())
        sum += each;
    return sum;
}
const std::vector<netfront_statistics>& netfront::queue_statistics() const noexcept {
    return core_->statistics();
}
const std::string& netfront::problem() const noexcept {
    return core_->problem();
}

outgoing_frame netfront::prepare(std::size_t size, std::size_t flow) {
    const auto queues = core_->queues();
    return queues ? queues->prepare(size, core_->options().headroom, flow) : outgoing_frame{};
}

std::size_t netfront::flow_of(std::span<const std::byte> frame) noexcept {
    // With a key of equal words, addresses and ports can change places.
    static const ring::netif::toeplitz_table table = [] {
        std::array<std::uint8_t, ring::netif::max_hash_key> key{};
        for (std::size_t i = 0; i != key.size(); ++i)
            key[i] = i % 2 == 0 ? 0x6d : 0x5a;
        return ring::netif::toeplitz_table{key};
    }();
    const auto hash = ring::netif::hash_frame(frame, ring::netif::hash_type::all, table);
    return hash ? hash->value : 0;
}

void netfront::send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec) {
    put(*core_, frame, info, ec);
}

received_frame netfront::receive(error_code& ec) {
    return take(*core_, ec);
}

void netfront::put(detail::netfront_core& core, outgoing_frame& frame,
                   const ring::netif::packet_info& info, error_code& ec) {
    const auto& queues = core.queues();
    if (!queues)
        ec = core.absence();
    else if (!core.is_offered(frame, info))
        ec = errc::feature_missing;
    else
        queues->send(frame, info, ec);
}

received_frame netfront::take(detail::netfront_core& core, error_code& ec) {
    if (const auto& queues = core.queues())
        return queues->receive(ec);
    ec = core.absence();
    return {};
}

void netfront::start_connect(const core_pointer& core, std::uint32_t device, done_handler handler) {
    core->connect(device, std::move(handler));
}

void netfront::start_close(const core_pointer& core, done_handler handler) {
    core->close(std::move(handler));
}

void netfront::start_wait_room(const core_pointer& core, std::size_t flow, std::size_t size,
                               std::size_t slots, done_handler handler) {
    if (const auto queues = core->queues()) {
        const auto wanted = slots != 0 ? detail::tx_path::room{slots, 0}
                                       : detail::tx_path::room_for(size, core->options().headroom);
        return queues->wait_for_room(flow, wanted, std::move(handler));
    }
    boost::asio::post(core->here().get_executor(),
                      boost::asio::append(std::move(handler), core->absence()));
}

void netfront::filter_multicast(bool on, error_code& ec) {
    core_->filter_multicast(on, ec);
}

void netfront::start_change_group(const core_pointer& core, bool joined,
                                  const ring::netif::mac_address& group, done_handler handler) {
    core->change_group(joined, group, std::move(handler));
}

void netfront::start_steer(const core_pointer& core, std::optional<hash_steering> how,
                           done_handler handler) {
    core->steer(std::move(how), std::move(handler));
}

void netfront::start_wait_frame(const core_pointer& core, done_handler handler) {
    if (const auto queues = core->queues())
        return queues->wait_for_frame(std::move(handler));
    boost::asio::post(core->here().get_executor(),
                      boost::asio::append(std::move(handler), core->absence()));
}

} // namespace xenring::frontend
