#include <xenring/frontend/tx_path.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace xenring::frontend::detail {

namespace netif = ring::netif;

namespace {

constexpr std::size_t most_extras = 2; // of a packet that we send

std::size_t pages_needed(std::size_t size, std::size_t headroom) noexcept {
    return (size + headroom + page_size - 1) / page_size;
}

} // namespace

tx_path::tx_path(std::span<std::byte> ring, page_shelf pages, bool clean, flow_statistics& counts)
    : ring_{netif::tx_front_ring::initialise(ring)}, pages_{std::move(pages)}, counts_{counts},
      clean_{clean} {}

outgoing_frame tx_path::prepare(std::size_t size, std::size_t headroom) {
    outgoing_frame out;
    const auto count = pages_needed(size, headroom);
    if (size == 0 || size > netif::max_tx_size || headroom > page_size - netif::min_frame_size ||
        count > netif::max_slots)
        return out;
    if (pages_.free() < count)
        reap();
    if (pages_.free() < count)
        return out;
    out.pieces_ = page_pieces<std::byte>{shared_from_this()};
    out.headroom_ = headroom;
    for (std::size_t i = 0; i != count; ++i) {
        const auto page = *pages_.take();
        const auto space = pages_.bytes(page).subspan(i == 0 ? headroom : 0);
        const auto piece = space.first(std::min(size, space.size()));
        out.pieces_.add(page, piece);
        size -= piece.size();
    }
    return out;
}

void tx_path::send(outgoing_frame& frame, const netif::packet_info& info, bool& notify,
                   error_code& ec) {
    ec.clear();
    notify = false;
    if (!frame || frame.pieces_.owner() != this) {
        ec = errno_code(EINVAL);
        return;
    }
    reap(); // costs a look at one index, and shows a lie early
    const auto size = frame.size();
    switch (push(frame, info)) {
    case netif::send_error::none:
        break;
    case netif::send_error::no_room:
        ec = fault() ? error_code{errc::ring_corrupt} : boost::asio::error::would_block;
        return;
    case netif::send_error::too_long:
    case netif::send_error::too_many_slots:
        ec = boost::asio::error::message_size;
        return;
    default:
        ec = errno_code(EINVAL);
        return;
    }
    frame.pieces_.release();
    notify = ring_.publish();
    ++counts_.packets;
    counts_.bytes += size;
    counts_.segmented += info.gso.has_value();
    counts_.notified += notify;
}

netif::send_error tx_path::push(outgoing_frame& frame, const netif::packet_info& info) {
    netif::fixed_list<netif::tx_piece, netif::max_slots> slots;
    const auto pieces = frame.pieces();
    bool enough = true;
    if (++packet_ == 0)
        ++packet_;
    for (std::size_t i = 0; i != pieces.size() && enough; ++i) {
        const auto page = frame.pieces_.page(i);
        const auto whole = pages_.bytes(page);
        const auto offset = static_cast<std::size_t>(pieces[i].data() - whole.data());
        const auto id = ids_.acquire();
        enough = id.has_value();
        if (!enough)
            break;
        if (clean_) {
            std::ranges::fill(whole.first(offset), std::byte{});
            std::ranges::fill(whole.subspan(offset + pieces[i].size()), std::byte{});
        }
        page_of_[*id] = page;
        packet_of_[*id] = packet_;
        slots.push({*id,
                    {pages_.reference(page), static_cast<std::uint16_t>(offset),
                     static_cast<std::uint16_t>(pieces[i].size())}});
    }
    const std::span<const netif::tx_piece> ready{slots.data(), slots.size()};
    const auto refused = enough ? netif::write(ring_, ready, info) : netif::send_error::no_room;
    if (refused == netif::send_error::none) {
        ids_.sent(ready, netif::extras_of(info).size());
        return refused;
    }
    for (const auto& each : ready)
        ids_.release(each.id);
    return refused;
}

bool tx_path::ask_multicast(std::uint8_t type, const netif::mac_address& address, bool& notify) {
    const auto id = ids_.acquire();
    if (!id)
        return false;
    if (netif::write_multicast(ring_, *id, type, address) != netif::send_error::none) {
        ids_.release(*id);
        return false;
    }
    ids_.sent_message(*id);
    notify = ring_.publish();
    counts_.notified += notify;
    return true;
}

void tx_path::reap() noexcept {
    for (netif::tx_response response; ring_.pop(response);) {
        switch (ids_.complete(response)) {
        case netif::completion::extra:
            break;
        case netif::completion::done:
            if (response.status != netif::response_status::okay)
                count_rejected(response.id);
            pages_.give_back(page_of_[response.id]);
            break;
        case netif::completion::broken:
            return ring_.poison(ring::fault::unexpected_response);
        }
    }
}

/// Once for a packet, of which some or all slots are answered so.
void tx_path::count_rejected(std::uint16_t id) noexcept {
    const auto packet = packet_of_[id];
    counts_.rejected += packet != 0;
    std::ranges::replace(packet_of_, packet, 0U);
}

tx_path::room tx_path::room_for(std::size_t size, std::size_t headroom) noexcept {
    const auto count = pages_needed(size, headroom);
    return {count, count};
}

bool tx_path::has(const room& wanted) noexcept {
    reap();
    return pages_.free() >= wanted.pages && ring_.free() >= wanted.slots + most_extras;
}

bool tx_path::arm() noexcept {
    const auto wanted = std::max<std::size_t>(1, ring_.in_flight() / 2);
    return ring_.arm(static_cast<std::uint32_t>(wanted));
}

const char* tx_path::fault() const noexcept {
    return ring_.fault() == ring::fault::none ? nullptr : describe(ring_.fault());
}

void tx_path::give_back(std::uint16_t page) noexcept {
    pages_.give_back(page);
    if (!ended_ && on_return)
        on_return();
}

} // namespace xenring::frontend::detail
