#pragma once

/// The frontend's end of the tx ring: packets become slots, and answers are matched to them.
///
/// Source: xen/io/netif.h, "Guest transmit"; what backends drop, from Linux's netback.

#include <xenring/ring/netif_extras.hpp>
#include <xenring/ring/netif_packet.hpp>
#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::ring::netif {

/// A piece of a packet that is to be sent: bytes in a page that the backend may read, and the id
/// that comes back when it has finished with them.
struct tx_piece {
    std::uint16_t id;
    fragment data;
};

/// Why a packet was not put into a ring. Nothing was written then.
enum class send_error : std::uint8_t {
    none = 0,
    no_room,        ///< not now: too few free slots (tx) or posted buffers (rx); or a broken ring
    too_many_slots, ///< more than max_slots
    too_long,       ///< more bytes than can be announced
    too_short,      ///< no whole Ethernet header, or not in the first piece
    crosses_page,   ///< an empty piece, or one that leaves its page
    bad_gso,        ///< a segment size of 0
};

/// Slots of the tx ring that a packet of `pieces` takes.
[[nodiscard]] constexpr std::size_t tx_slots_needed(std::size_t pieces,
                                                    const packet_info& info) noexcept {
    return pieces + extras_of(info).size();
}

/// What a correct backend would not take.
[[nodiscard]] constexpr send_error check(std::span<const tx_piece> pieces,
                                         const packet_info& info) noexcept {
    if (pieces.size() > max_slots)
        return send_error::too_many_slots;
    std::uint32_t total = 0;
    for (const auto& [id, data] : pieces) {
        if (data.size == 0 || std::uint32_t{data.offset} + data.size > page_size)
            return send_error::crosses_page;
        total += data.size;
    }
    if (total > max_tx_size)
        return send_error::too_long;
    if (pieces.empty() || pieces.front().data.size < min_frame_size)
        return send_error::too_short;
    return info.gso && info.gso->size == 0 ? send_error::bad_gso : send_error::none;
}

/// Pushes a packet: the first slot with the total size, the extras, the other slots. `info` is sent
/// normalised(). The caller publishes, after whole packets only: a backend takes a packet that is
/// not complete for an attack. Extras and segmentation only if the backend offered the feature.
/// O(slots); either the whole packet is pushed or nothing.
template <class Ring>
[[nodiscard]] send_error write(Ring& ring, std::span<const tx_piece> pieces,
                               const packet_info& info) noexcept {
    if (const auto error = check(pieces, info); error != send_error::none)
        return error;
    const auto extras = extras_of(info);
    if (ring.free() < pieces.size() + extras.size())
        return send_error::no_room;
    std::uint32_t size = 0; // of the whole packet in the first slot, afterwards of each piece
    for (const auto& piece : pieces)
        size += piece.data.size;
    bool pushed = true;
    for (std::size_t i = 0; i != pieces.size(); ++i) {
        const auto& [id, data] = pieces[i];
        unsigned flags = i + 1 != pieces.size() ? tx_flag::more_data : 0;
        if (i == 0)
            flags |= tx_flags(normalised(info)) | (extras.empty() ? 0u : tx_flag::extra_info);
        pushed = pushed && ring.push({data.gref, data.offset, static_cast<std::uint16_t>(flags), id,
                                      static_cast<std::uint16_t>(i == 0 ? size : data.size)});
        for (std::size_t extra = 0; i == 0 && extra != extras.size(); ++extra)
            pushed = pushed && ring.push(tx_slot_of(extras[extra]));
    }
    return pushed ? send_error::none : send_error::no_room;
}

/// Pushes a request to change the backend's multicast filter: a dummy slot that grants nothing, and
/// the extra. `type` is extra_type::multicast_add or multicast_del. Only for a backend with
/// feature-multicast-control.
template <class Ring>
[[nodiscard]] send_error write_multicast(Ring& ring, std::uint16_t id, std::uint8_t type,
                                         const mac_address& address) noexcept {
    if (ring.free() < 2)
        return send_error::no_room;
    const bool pushed = ring.push({0, 0, tx_flag::extra_info, id, 0}) &&
                        ring.push(tx_slot_of(encode_multicast(type, address)));
    return pushed ? send_error::none : send_error::no_room;
}

/// What a response of the tx ring means.
enum class completion : std::uint8_t {
    extra,  ///< for an extra, or for a message: no page comes back
    done,   ///< the id is free again, its page is ours again: end the grant, look at the status
    broken, ///< for nothing that we sent: the backend lies, and its ring must not be used any more
};

/// Which of N ids are with the backend. N is at least the ring's capacity, at most 65535.
///
/// A hostile backend can answer an id never, too early, twice, or one that does not exist; each but
/// the first is noticed. Never allocates. Thread safety: that of the ring.
template <std::uint16_t N>
class tx_id_table {
public:
    constexpr tx_id_table() noexcept {
        for (std::uint16_t i = 0; i != N; ++i)
            next_[i] = static_cast<std::uint16_t>(i + 1);
    }

    /// An id that nobody uses; nothing if all are in use. It is ours until sent().
    [[nodiscard]] constexpr std::optional<std::uint16_t> acquire() noexcept {
        if (free_ == N)
            return std::nullopt;
        const std::uint16_t id = free_;
        free_ = next_[id];
        state_[id] = state::held;
        return id;
    }

    /// Gives an id back that was not sent. Anything else is ignored.
    constexpr void release(std::uint16_t id) noexcept {
        if (id < N && state_[id] == state::held)
            put_back(id);
    }

    /// Notes that a packet with these ids and so many extras was written, before it is published.
    constexpr void sent(std::span<const tx_piece> pieces, std::size_t extras) noexcept {
        for (const auto& piece : pieces)
            sent(piece.id, 0);
        extras_ += extras;
    }
    constexpr void sent(std::uint16_t id, std::size_t extras) noexcept {
        if (id < N && state_[id] == state::held) {
            state_[id] = state::with_backend;
            ++in_flight_;
        }
        extras_ += extras;
    }

    /// Notes that a message without a page was written, which has one extra (write_multicast()).
    /// One at a time: the next one after message_status().
    constexpr void sent_message(std::uint16_t id) noexcept {
        if (id < N && state_[id] == state::held) {
            sent(id, 1);
            state_[id] = state::message;
        }
    }
    /// What the backend answered to the message; once.
    [[nodiscard]] constexpr std::optional<std::int16_t> message_status() noexcept {
        const auto status = message_status_;
        message_status_.reset();
        return status;
    }

    /// Matches a response, which is a private copy. The id of a null response is not looked at.
    [[nodiscard]] constexpr completion complete(const tx_response& response) noexcept {
        if (response.status == response_status::null) {
            if (extras_ == 0)
                return completion::broken;
            --extras_;
            return completion::extra;
        }
        const auto before = response.id < N ? state_[response.id] : state::free;
        if ((before != state::with_backend && before != state::message) ||
            response.status > response_status::null || response.status < response_status::dropped)
            return completion::broken;
        --in_flight_;
        put_back(response.id);
        if (before == state::with_backend)
            return completion::done;
        message_status_ = response.status;
        return completion::extra;
    }

    /// Whether the backend may still be reading the page of this id.
    [[nodiscard]] constexpr bool is_with_backend(std::uint16_t id) const noexcept {
        return id < N && state_[id] == state::with_backend;
    }

    /// Ids that are with the backend.
    [[nodiscard]] constexpr std::size_t in_flight() const noexcept { return in_flight_; }

private:
    static_assert(N != 0xffff, "one value stands for the end of the list");
    enum class state : std::uint8_t { free, held, with_backend, message };

    constexpr void put_back(std::uint16_t id) noexcept {
        state_[id] = state::free;
        next_[id] = free_;
        free_ = id;
    }

    std::uint16_t next_[N]{};
    state state_[N]{};
    std::uint16_t free_ = 0;
    std::size_t in_flight_ = 0;
    std::size_t extras_ = 0; // that are not answered yet
    std::optional<std::int16_t> message_status_{};
};

} // namespace xenring::ring::netif
