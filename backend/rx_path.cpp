#include <xenring/backend/rx_path.hpp>
#include <xenring/net/frame_port.hpp>

#include <algorithm>
#include <utility>

namespace xenring::backend {

namespace netif = ring::netif;

namespace {
constexpr std::size_t frames_per_round = net::frame_burst::most;
/// Buffers for the largest frame, with segmentation and a hash.
constexpr std::size_t most_buffers = (net::max_frame_size + page_size - 1) / page_size + 2;
/// Between two turns of the queues that get them; less than fits a shelf.
constexpr std::size_t bytes_per_sort = 192 * 1024;
} // namespace

rx_path::rx_path(hypervisor& machine, domid guest, std::span<std::byte> ring, int descriptor,
                 const traits& guest_takes, copy_batch& batch, flow_statistics& counts,
                 const static_grants* grants)
    : machine_{machine}, guest_{guest}, descriptor_{descriptor}, traits_{guest_takes},
      batch_{batch}, counts_{counts}, grants_{grants}, ring_{netif::rx_back_ring::attach(ring)},
      items_(frames_per_round + 1),
      arrived_(frames_per_round), held_{std::make_unique<std::byte[]>(net::max_frame_size)} {}

path_result rx_path::serve(error_code& ec) {
    ec.clear();
    batch_.clear();
    const bool more_to_sort = sorts() && !sort(ec);
    if (holds() && ring_.available() < slots_needed_)
        return {}; // before the frame is moved about
    std::size_t count = 0;
    bool dry = false;
    if (holds())
        count += plan(items_[count], take_held());
    std::size_t read = 0;
    while (read < frames_per_round && !dry && !holds() &&
           batch_.has_room(net::max_frame_size, netif::max_slots)) {
        const auto wanted = std::min(frames_at_once(read), frames_per_round - read);
        const auto frames = this->read(wanted, ec);
        for (const auto& each : frames)
            count += accept(items_[count], each);
        read += frames.size();
        dry = frames.size() < wanted;
    }
    expected_ = read + 1; // so that one call finds them and that there are no more
    copy(count);
    path_result result{.packets = count, .notify = answer(count)};
    result.more = (!dry || more_to_sort) && !holds() && ring_.fault() == ring::fault::none;
    counts_.notified += result.notify;
    return result;
}

/// Puts what the port has on the shelves of the queues where it belongs. True: the port is empty.
/// While the guest takes frames, its own may wait in the port; while it does not, those of others
/// must not wait behind them.
bool rx_path::sort(error_code& ec) {
    auto& exchange = *traits_.exchange;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i != frames_per_round && bytes < bytes_per_sort; ++i) {
        if (!holds() && !exchange.has_room(traits_.queue))
            return false;
        net::virtio_header header;
        const auto room = batch_.room().first(net::max_frame_size);
        const std::span frame = room.first(net::read_frame(descriptor_, header, room, ec));
        if (frame.empty())
            return true;
        const auto to = exchange.where(frame, traits_.queue).queue;
        counts_.crowded += !exchange.leave(traits_.queue, to, header, frame);
        bytes += frame.size();
    }
    return false;
}

/// The frame that was held, moved into the batch's memory, with the hash that is asked for now.
rx_path::frame_in_hand rx_path::take_held() {
    const auto bytes = batch_.take(std::exchange(held_size_, 0));
    std::copy_n(held_.get(), bytes.size(), bytes.data());
    frame_in_hand out{.bytes = bytes, .info = held_info_};
    if (traits_.exchange)
        out.info.hash = traits_.exchange->where(bytes, traits_.queue).hash;
    return out;
}

/// As many as there were in the last round, or in this one so far if that is more; but several only
/// where the largest are sure to find buffers, so that one at most has to be held.
std::size_t rx_path::frames_at_once(std::size_t so_far) {
    if (traits_.exchange && (sorts() || traits_.exchange->holds(traits_.queue)))
        return 1;
    const auto segments_left = copy_batch::max_segments - batch_.segments().size();
    const auto fit =
        std::min({ring_.available() / most_buffers, batch_.room().size() / net::max_frame_size,
                  segments_left / netif::max_slots});
    return std::max(std::min(fit, std::max(expected_, so_far)), std::size_t{1});
}

/// Frames, in the batch's memory: one from the shelf, also of what was sorted before; then from the
/// port, unless it is sorted.
std::span<net::moving_frame> rx_path::read(std::size_t wanted, error_code& ec) {
    const auto room = batch_.room();
    auto frames = std::span{arrived_}.first(wanted);
    for (std::size_t i = 0; i != wanted; ++i)
        frames[i].bytes = room.subspan(i * net::max_frame_size, net::max_frame_size);
    if (const auto left = take_from_shelf(frames.front()); left || sorts())
        frames = frames.first(left);
    else
        frames = frames.first(batch_.burst().read(descriptor_, frames, ec));
    std::size_t end = 0; // of the room that is used; rooms and frames may have changed places
    for (const auto& each : frames)
        end = std::max(end, static_cast<std::size_t>(&each.bytes.back() + 1 - room.data()));
    batch_.take(end);
    return frames;
}

bool rx_path::take_from_shelf(net::moving_frame& out) {
    if (!traits_.exchange)
        return false;
    const auto size = traits_.exchange->take(traits_.queue, out.header, out.bytes);
    if (size != 0)
        out.bytes = out.bytes.first(size);
    return size != 0;
}

/// True: it is in `out`, with buffers of the guest.
bool rx_path::accept(item& out, const net::moving_frame& arrived) {
    if (traits_.multicast && !traits_.multicast->passes(arrived.bytes)) {
        ++counts_.filtered;
        return false;
    }
    const auto info = net::from_virtio(arrived.header, arrived.bytes, traits_.takes);
    if (!info) {
        ++counts_.unusable;
        return false;
    }
    frame_in_hand frame{arrived.bytes, *info};
    if (traits_.exchange)
        frame.info.hash = traits_.exchange->where(arrived.bytes, traits_.queue).hash;
    return plan(out, frame);
}

/// Lays a frame out over posted buffers, or holds it if there are too few. True: it is in `out`.
bool rx_path::plan(item& out, const frame_in_hand& frame) {
    const auto size = static_cast<std::uint32_t>(frame.bytes.size());
    const auto slots = netif::rx_slots_needed(size, frame.info);
    const auto refused = traits_.scatter_gather || size <= page_size
                             ? netif::plan(ring_, size, frame.info, {}, out.delivery)
                             : netif::send_error::too_many_slots;
    if (refused == netif::send_error::no_room) {
        std::copy_n(frame.bytes.data(), frame.bytes.size(), held_.get());
        held_size_ = frame.bytes.size();
        held_info_ = frame.info;
        slots_needed_ = slots;
        return false;
    }
    if (refused != netif::send_error::none) {
        ++counts_.rejected;
        return false;
    }
    out.first_segment = batch_.segments().size();
    out.frame = frame.bytes;
    out.segmented = frame.info.gso.has_value();
    out.blank = frame.info.csum_blank;
    out.stored.reset();
    for (std::size_t i = 0; i != out.delivery.targets.size(); ++i) {
        const auto& [where, from] = out.delivery.targets[i];
        if (store_mapped(out.delivery.targets[i], frame.bytes))
            out.stored.set(i);
        else
            batch_.add({.source = frame.bytes.data() + from,
                        .destination = granted_memory{guest_, grant_ref{where.gref}, where.offset},
                        .length = where.size});
    }
    return true;
}

/// False: the page is not mapped here, or may not be written.
bool rx_path::store_mapped(const netif::rx_target& target,
                           std::span<const std::byte> frame) noexcept {
    const auto* const page = grants_ ? grants_->find(target.where.gref) : nullptr;
    const auto memory = page ? page->writable() : std::span<std::byte>{};
    if (memory.empty())
        return false;
    ring::copy_bytes_in(memory.subspan(target.where.offset),
                        frame.subspan(target.from, target.where.size));
    ++counts_.static_segments;
    return true;
}

/// Whether every target was filled; those that were not are marked.
bool rx_path::settle(item& which) noexcept {
    bool whole = true;
    std::size_t segment = which.first_segment;
    for (std::size_t i = 0; i != which.delivery.targets.size(); ++i) {
        if (which.stored.test(i) || batch_.copied(segment++, 1))
            continue;
        which.delivery.fail(i);
        whole = false;
    }
    return whole;
}

void rx_path::copy(std::size_t count) {
    const auto segments = batch_.segments();
    if (!segments.empty()) {
        error_code ec; // every segment says how it fared; untried ones as failed
        machine_.copy(segments, ec);
        counts_.segments += segments.size();
        ++counts_.copies;
    }
    for (auto& each : std::span{items_}.first(count)) {
        const bool whole = settle(each);
        if (whole && traits_.capture)
            traits_.capture->take(each.frame);
        counts_.uncopied += !whole;
        counts_.packets += whole;
        counts_.bytes += whole ? each.frame.size() : 0;
        counts_.segmented += whole && each.segmented;
        counts_.blank += whole && each.blank;
    }
}

/// Nothing else is done until the guest sees them: see tx_path::answer().
bool rx_path::answer(std::size_t count) noexcept {
    bool room = true;
    for (const auto& each : std::span{items_}.first(count))
        room = room && netif::answer(ring_, each.delivery);
    return ring_.publish();
}

bool rx_path::arm() noexcept {
    return ring_.arm(static_cast<std::uint32_t>(slots_needed_));
}

bool rx_path::drop() {
    batch_.clear();
    counts_.expired += std::exchange(held_size_, 0) != 0;
    if (traits_.exchange)
        counts_.expired += traits_.exchange->clear(traits_.queue);
    for (std::size_t i = 0; i != frames_per_round && !sorts(); ++i) {
        net::virtio_header header;
        error_code ec;
        if (net::read_frame(descriptor_, header, batch_.room(), ec) == 0)
            return false;
        ++counts_.expired;
    }
    return !sorts();
}

} // namespace xenring::backend
