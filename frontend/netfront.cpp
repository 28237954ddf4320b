#include <xenring/frontend/netfront.hpp>
#include <xenring/frontend/netfront_core.hpp>

#include <boost/asio/append.hpp>

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
const netfront_statistics& netfront::statistics() const noexcept {
    return core_->statistics();
}
const std::string& netfront::problem() const noexcept {
    return core_->problem();
}

outgoing_frame netfront::prepare(std::size_t size) {
    const auto queue = core_->queue();
    return queue ? queue->prepare(size, core_->options().headroom) : outgoing_frame{};
}

void netfront::send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec) {
    put(*core_, frame, info, ec);
}

received_frame netfront::receive(error_code& ec) {
    return take(*core_, ec);
}

void netfront::put(detail::netfront_core& core, outgoing_frame& frame,
                   const ring::netif::packet_info& info, error_code& ec) {
    const auto& queue = core.queue();
    if (!queue)
        ec = core.absence();
    else if (!core.is_offered(frame, info))
        ec = errc::feature_missing;
    else
        queue->send(frame, info, ec);
}

received_frame netfront::take(detail::netfront_core& core, error_code& ec) {
    const auto& queue = core.queue();
    if (queue)
        return queue->receive(ec);
    ec = core.absence();
    return {};
}

void netfront::start_connect(const core_pointer& core, std::uint32_t device, done_handler handler) {
    core->connect(device, std::move(handler));
}

void netfront::start_close(const core_pointer& core, done_handler handler) {
    core->close(std::move(handler));
}

void netfront::start_wait_room(const core_pointer& core, std::size_t size, std::size_t slots,
                               done_handler handler) {
    if (const auto queue = core->queue()) {
        const auto wanted = slots != 0 ? detail::tx_path::room{slots, 0}
                                       : detail::tx_path::room_for(size, core->options().headroom);
        return queue->wait_for_room(wanted, std::move(handler));
    }
    boost::asio::post(core->here().get_executor(),
                      boost::asio::append(std::move(handler), core->absence()));
}

void netfront::start_wait_frame(const core_pointer& core, done_handler handler) {
    if (const auto queue = core->queue())
        return queue->wait_for_frame(std::move(handler));
    boost::asio::post(core->here().get_executor(),
                      boost::asio::append(std::move(handler), core->absence()));
}

} // namespace xenring::frontend
