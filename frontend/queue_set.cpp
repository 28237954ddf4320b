#include <xenring/frontend/queue_set.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace xenring::frontend::detail {

queue_set::queue_set(const domain& here, port_set& ports, domid backend,
                     const queue_options& options, std::span<netfront_statistics> counts,
                     std::string& problem, error_code& ec)
    : backend_{backend}, pool_{here.hypervisor(), {.batch = 32, .limit = 0}},
      frames_{std::make_shared<wait_slot>(here.get_executor())} {
    const netfront_queue::surroundings where{here, backend, ports, pool_, frames_};
    auto each = options;
    each.tx_pages = std::max<std::size_t>(1, options.tx_pages / counts.size());
    each.rx_pages = std::max<std::size_t>(1, options.rx_pages / counts.size());
    for (auto& counters : counts)
        if (!ec)
            queues_.push_back(std::make_shared<netfront_queue>(where, each, counters, problem, ec));
}

queue_set::~queue_set() {
    stop(boost::asio::error::operation_aborted);
    release();
}

std::vector<net::vif_queue_keys> queue_set::keys() const {
    std::vector<net::vif_queue_keys> out;
    for (const auto& each : queues_)
        out.push_back(each->keys());
    return out;
}

std::vector<std::vector<ring::netif::gref_entry>> queue_set::granted() const {
    std::vector<std::vector<ring::netif::gref_entry>> out;
    for (const auto& each : queues_)
        out.push_back(each->granted());
    return out;
}

void queue_set::start(const broken_handler& broken) {
    for (std::size_t i = 0; i != size(); ++i) {
        const auto which = size() == 1 ? std::string{} : "queue " + std::to_string(i) + ": ";
        queues_[i]->start([broken, which](const error_code& reason, const std::string& why) {
            broken(reason, which + why);
        });
    }
}

void queue_set::stop(const error_code& why) noexcept {
    for (const auto& each : queues_)
        each->stop(why);
}

void queue_set::release() noexcept {
    pool_.forget(backend_); // pages end their grants when they go back
    for (const auto& each : queues_)
        each->release();
}

outgoing_frame queue_set::prepare(std::size_t size, std::size_t headroom, std::size_t flow) {
    const auto queue = flow % this->size();
    auto frame = queues_[queue]->prepare(size, headroom);
    frame.queue_ = queue;
    return frame;
}

/// A frame of another connection is refused by any queue.
void queue_set::send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec) {
    queues_[frame.queue_ % size()]->send(frame, info, ec);
}

received_frame queue_set::receive(error_code& ec) {
    received_frame frame;
    for (std::size_t i = 0; i != size() && !frame; ++i) {
        const auto queue = std::exchange(turn_, turn_ + 1 == size() ? 0 : turn_ + 1);
        frame = queues_[queue]->receive(ec);
        frame.queue_ = queue;
        if (ec)
            break;
    }
    return frame;
}

/// Any queue will do: all have one list.
void queue_set::change_multicast(std::uint8_t type, const ring::netif::mac_address& address,
                                 netfront_queue::multicast_handler answered) {
    queues_.front()->change_multicast(type, address, std::move(answered));
}

void queue_set::wait_for_frame(wait_handler handler) {
    if (frames_->begin(std::move(handler)))
        for (const auto& each : queues_)
            each->look_for_frames();
}

void queue_set::wait_for_room(std::size_t flow, const tx_path::room& wanted, wait_handler handler) {
    queues_[flow % size()]->wait_for_room(wanted, std::move(handler));
}

} // namespace xenring::frontend::detail
