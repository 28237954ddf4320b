#include <xenring/frontend/rx_path.hpp>

#include <algorithm>
#include <utility>

namespace xenring::frontend::detail {

namespace netif = ring::netif;

rx_path::rx_path(std::span<std::byte> ring, page_shelf pages, page_shelf copies,
                 const net::offloads& takes, flow_statistics& counts)
    : ring_{netif::rx_front_ring::initialise(ring)}, pages_{std::move(pages)},
      copies_{std::move(copies)}, takes_{takes}, counts_{counts} {
    while (ring_.free() != 0)
        if (const auto page = pages_.take())
            post(*page);
        else
            break;
}

bool rx_path::has_copies() const noexcept {
    return copies_.size() == 0 || copies_.free() >= netif::max_slots;
}

void rx_path::post(std::uint16_t page) noexcept {
    if (const auto slot = reader_.post(ring_, pages_.reference(page)))
        page_of_[*slot] = page;
    else // the ring is broken
        pages_.give_back(page);
}

std::uint16_t rx_path::page_in(std::size_t slot) const noexcept {
    return page_of_[slot & (ring_.capacity() - 1)];
}

/// The pages in these slots held nothing that is wanted. Posting fills slots that are read already,
/// so the page of each is looked up before.
void rx_path::recycle(std::size_t from, std::size_t to) noexcept {
    for (std::size_t slot = from; slot != to; ++slot)
        pages_.give_back(page_in(slot));
}

received_frame rx_path::receive() {
    received_frame out;
    while (!out && has_copies()) {
        const auto verdict = reader_.read(ring_, packet_);
        const std::size_t first = packet_.first_slot;
        if (verdict == netif::verdict::empty || verdict == netif::verdict::broken)
            break;
        const bool unasked =
            packet_.info.gso &&
            !(packet_.info.gso->type == netif::gso_type::tcpv4 ? takes_.tcpv4 : takes_.tcpv6);
        if (verdict == netif::verdict::rejected || unasked) {
            ++counts_.rejected;
            recycle(first, first + packet_.slot_count);
        } else {
            out = take_frame();
        }
        while (ring_.free() != 0 && pages_.free() != 0)
            post(*pages_.take());
    }
    return out;
}

received_frame rx_path::take_frame() {
    received_frame out;
    out.pieces_ = page_pieces<const std::byte>{shared_from_this()};
    out.info_ = packet_.info;
    std::size_t slot = packet_.first_slot;
    const std::size_t end = slot + packet_.slot_count;
    for (const auto& piece : packet_.pieces) {
        while ((slot & (ring_.capacity() - 1)) != piece.slot)
            recycle(slot, slot + 1), ++slot;
        const auto page = page_in(slot++);
        const auto bytes = pages_.bytes(page).subspan(piece.offset, piece.size);
        if (copies_.size() == 0) {
            out.pieces_.add(page, bytes);
            continue;
        }
        const auto copy = *copies_.take();
        const auto target = copies_.bytes(copy).first(piece.size);
        ring::copy_bytes_out(target, bytes);
        out.pieces_.add(copy, target);
        pages_.give_back(page);
    }
    recycle(slot, end);
    ++counts_.packets;
    counts_.bytes += packet_.size;
    counts_.segmented += packet_.info.gso.has_value();
    return out;
}

bool rx_path::ready() noexcept {
    return has_copies() && (ring_.available() != 0 || fault());
}

bool rx_path::arm() noexcept {
    return has_copies() && ring_.arm();
}

bool rx_path::publish() noexcept {
    const bool notify = ring_.publish();
    counts_.notified += notify;
    return notify;
}

const char* rx_path::fault() const noexcept {
    if (ring_.fault() == ring::fault::none)
        return nullptr;
    return packet_.error == netif::packet_error::none ||
                   packet_.error == netif::packet_error::ring_fault
               ? describe(ring_.fault())
               : describe(packet_.error);
}

void rx_path::give_back(std::uint16_t page) noexcept {
    if (copies_.size() != 0)
        copies_.give_back(page);
    else if (!ended_ && ring_.free() != 0)
        post(page);
    else
        pages_.give_back(page);
    if (!ended_ && on_return)
        on_return();
}

} // namespace xenring::frontend::detail
