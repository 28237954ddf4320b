#include <xenring/backend/tx_path.hpp>
#include <xenring/net/virtio_header.hpp>

#include <algorithm>

namespace xenring::backend {

namespace netif = ring::netif;

namespace {
constexpr std::size_t packets_per_round = 64;
constexpr std::uint64_t bytes_per_round = 192 * 1024; // a processor's cache holds them
} // namespace

tx_path::tx_path(hypervisor& machine, domid guest, std::span<std::byte> ring, int descriptor,
                 copy_batch& batch, flow_statistics& counts, const static_grants* grants,
                 multicast_filter* filter, frame_capture* capture)
    : machine_{machine}, guest_{guest}, descriptor_{descriptor}, batch_{batch}, counts_{counts},
      grants_{grants}, filter_{filter}, capture_{capture}, ring_{netif::tx_back_ring::attach(ring)},
      items_(packets_per_round) {
    leaving_.reserve(packets_per_round);
}

path_result tx_path::serve(std::uint64_t limit) {
    batch_.clear();
    const std::size_t count = collect(limit);
    fetch();
    path_result result{.packets = count};
    hand_on(std::span{items_}.first(count));
    for (const auto& each : std::span{items_}.first(count))
        result.bytes += each.packet.size;
    result.notify = answer(count);
    result.more = ring_.fault() == ring::fault::none && ring_.available() != 0;
    counts_.notified += result.notify;
    return result;
}

/// Reads packets while there is room for the largest one.
std::size_t tx_path::collect(std::uint64_t limit) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    while (count != items_.size() && bytes < std::min(limit, bytes_per_round) &&
           batch_.has_room(netif::max_tx_size, netif::max_slots)) {
        auto& what = items_[count];
        const auto verdict = netif::read(ring_, what.packet);
        if (verdict == netif::verdict::broken)
            broken_packet_ = what.packet.error;
        if (verdict == netif::verdict::broken || verdict == netif::verdict::empty)
            break;
        ++count;
        bytes += what.packet.size;
        what.frame = batch_.take(what.packet.size);
        what.first_segment = batch_.segments().size();
        std::byte* to = what.frame.data();
        for (const auto& piece : what.packet.fragments) {
            if (!fetch_mapped(piece, to))
                batch_.add({.source = granted_memory{guest_, grant_ref{piece.gref}, piece.offset},
                            .destination = to,
                            .length = piece.size});
            to += piece.size;
        }
        what.segments = batch_.segments().size() - what.first_segment;
    }
    return count;
}

/// False: the page is not mapped here.
bool tx_path::fetch_mapped(const netif::fragment& what, std::byte* to) noexcept {
    const auto* const page = grants_ ? grants_->find(what.gref) : nullptr;
    if (!page)
        return false;
    ring::copy_bytes_out({to, what.size}, page->bytes().subspan(what.offset, what.size));
    ++counts_.static_segments;
    return true;
}

void tx_path::fetch() {
    const auto segments = batch_.segments();
    if (segments.empty())
        return;
    error_code ec; // every segment says how it fared; untried ones as failed
    machine_.copy(segments, ec);
    counts_.segments += segments.size();
    ++counts_.copies;
}

/// Responses take the place of requests that a netback after this one would have to read if this
/// one is killed before it publishes them: so nothing else is done in between.
bool tx_path::answer(std::size_t count) noexcept {
    bool room = true;
    for (const auto& each : std::span{items_}.first(count))
        room = room && netif::answer(ring_, each.packet, each.status);
    return ring_.publish();
}

/// Frames go to the port in the order of their packets.
void tx_path::hand_on(std::span<item> items) {
    leaving_.clear();
    for (auto& each : items)
        each.status = prepare(each);
    batch_.burst().write(descriptor_, leaving_);
    auto written = leaving_.cbegin();
    for (auto& each : items)
        if (each.goes_to_port)
            sent(each, (written++)->error);
}

/// What to answer with unless the port refuses the frame, which goes there if the answer is good.
std::int16_t tx_path::prepare(item& what) {
    const auto& packet = what.packet;
    what.goes_to_port = false;
    if (packet.is_multicast_control())
        return change_filter(packet);
    if (packet.error != netif::packet_error::none) {
        ++counts_.rejected;
        return netif::response_status::error;
    }
    if (!batch_.copied(what.first_segment, what.segments)) {
        ++counts_.uncopied;
        return netif::response_status::error;
    }
    const auto header = net::to_virtio(what.frame, packet.info);
    if (!header) {
        ++counts_.unusable;
        return netif::response_status::error;
    }
    leaving_.push_back({*header, what.frame, {}});
    what.goes_to_port = true;
    return netif::response_status::okay;
}

void tx_path::sent(item& what, const error_code& ec) {
    if (ec) {
        ++counts_.refused;
        what.status = netif::response_status::dropped;
        return;
    }
    if (capture_)
        capture_->take(what.frame);
    ++counts_.packets;
    counts_.bytes += what.frame.size();
    counts_.segmented += what.packet.info.gso.has_value();
    counts_.blank += what.packet.info.csum_blank;
}

/// One request may do both; the address that goes makes room for the one that comes.
std::int16_t tx_path::change_filter(const netif::tx_packet& request) noexcept {
    if (!filter_)
        return netif::response_status::error;
    if (request.multicast_del)
        filter_->remove(*request.multicast_del);
    return !request.multicast_add || filter_->add(*request.multicast_add)
               ? netif::response_status::okay
               : netif::response_status::error;
}

} // namespace xenring::backend
