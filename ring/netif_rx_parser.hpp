#pragma once

/// The frontend's end of the rx ring: buffers go out, packets come back.
///
/// A buffer is known by its slot, which is also its id. Responses come back in the slots of their
/// requests, so the slot of each is known without believing anything that the backend wrote.
///
/// Source: xen/io/netif.h, "Guest receive".

#include <xenring/ring/fault.hpp>
#include <xenring/ring/netif_extras.hpp>
#include <xenring/ring/netif_packet.hpp>
#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring::netif {

/// Bytes in a buffer that came back.
struct rx_piece {
    std::uint16_t slot;   ///< which buffer
    std::uint16_t offset; ///< offset + size <= page_size
    std::uint16_t size;   ///< never 0
    friend constexpr bool operator==(const rx_piece&, const rx_piece&) = default;
};

/// A packet from the backend. It took the buffers first_slot, first_slot + 1, ... (slot_count of
/// them, modulo the ring's capacity), of which the pieces hold data: unless the ring is broken all
/// of them have come back, also those of a rejected packet.
struct rx_packet {
    std::uint32_t size = 0;                   ///< bytes of all pieces together
    fixed_list<rx_piece, max_slots> pieces{}; ///< where they are, in order
    packet_info info{};
    packet_error error = packet_error::none;
    std::uint16_t first_slot = 0;
    std::uint16_t slot_count = 0;
};

/// Builds one rx_packet slot by slot. Every response must be a private copy (ring_half::pop).
class rx_parser {
public:
    /// Starts afresh; `packet` must outlive the parser. `first` is the slot of the next response,
    /// `capacity` the ring's.
    constexpr rx_parser(rx_packet& packet, std::uint16_t first, std::size_t capacity) noexcept
        : packet_(packet), mask_(capacity - 1) {
        packet = {};
        packet.first_slot = first;
    }

    /// Takes the next response in. True: the packet goes on in another one. False: it is complete,
    /// accepted or not: see packet.error. Ends after at most fatal_slots + max_extras + 1 calls.
    [[nodiscard]] constexpr bool take(const rx_response& response) noexcept {
        const auto slot =
            static_cast<std::uint16_t>((packet_.first_slot + packet_.slot_count) & mask_);
        ++packet_.slot_count;
        if (expected_ == expected::extra)
            take_extra(extra_of(response));
        else
            take_data(response, slot);
        if (expected_ == expected::nothing && packet_.size < min_frame_size)
            fail(packet_error::shorter_than_ethernet);
        const bool more = expected_ != expected::nothing && !is_fatal(packet_.error);
        if (!more && packet_.error != packet_error::none)
            drop_data();
        return more;
    }

    /// Ends a packet whose next slot cannot be had.
    constexpr void stop(packet_error error) noexcept {
        packet_.error = error;
        drop_data();
    }

private:
    enum class expected : std::uint8_t { first, extra, data, nothing };

    constexpr void take_data(const rx_response& response, std::uint16_t slot) noexcept {
        if (response.id != slot)
            return fail(packet_error::wrong_id);
        if (++data_slots_ > fatal_slots)
            return fail(packet_error::endless_packet);
        if (data_slots_ > max_slots)
            fail(packet_error::too_many_slots);
        if ((response.flags & rx_flag::gso_prefix) != 0)
            return fail(packet_error::unasked_gso_prefix);
        more_data_ = (response.flags & rx_flag::more_data) != 0;
        const bool extras =
            expected_ == expected::first && (response.flags & rx_flag::extra_info) != 0;
        if (expected_ == expected::first) {
            packet_.info.csum_blank = (response.flags & rx_flag::csum_blank) != 0;
            packet_.info.data_validated = (response.flags & rx_flag::data_validated) != 0;
        }
        expected_ = extras ? expected::extra : after_data();
        take_bytes(response, slot);
    }

    constexpr void take_bytes(const rx_response& response, std::uint16_t slot) noexcept {
        if (response.status < 0)
            return fail(packet_error::backend_reported);
        const auto size = static_cast<std::uint16_t>(response.status);
        if (std::uint32_t{response.offset} + size > page_size)
            return fail(packet_error::crosses_page);
        packet_.size += size;
        if (size != 0)
            packet_.pieces.push({slot, response.offset, size});
    }

    constexpr void take_extra(const extra_info& extra) noexcept {
        if (const auto error = extras_.take(extra, packet_.info); error != packet_error::none)
            return fail(error);
        if ((extra.flags & extra_more) == 0)
            expected_ = after_data();
    }

    /// Of a bad packet nobody shall use anything.
    constexpr void drop_data() noexcept {
        packet_.size = 0;
        packet_.pieces.clear();
        packet_.info = {};
    }

    [[nodiscard]] constexpr expected after_data() const noexcept {
        return more_data_ ? expected::data : expected::nothing;
    }

    /// The first error stays, unless a later one is worse.
    constexpr void fail(packet_error error) noexcept {
        if (packet_.error == packet_error::none || (is_fatal(error) && !is_fatal(packet_.error)))
            packet_.error = error;
    }

    rx_packet& packet_;
    extra_collector extras_{false};
    std::size_t mask_;
    std::size_t data_slots_ = 0;
    expected expected_ = expected::first;
    bool more_data_ = false;
};

/// Posts buffers and reads packets, and knows which buffer is in which slot. One for each ring,
/// made together with it. Thread safety: that of the ring.
class rx_reader {
public:
    /// For a ring that was just initialised, or attached at `position`.
    explicit constexpr rx_reader(std::uint32_t position = 0) noexcept
        : posted_(position), received_(position) {}

    /// Posts a page for the backend to fill, and returns its slot, less than the ring's capacity:
    /// remember there which buffer it is. Nothing if the ring is full or poisoned. The caller
    /// publishes. The backend may write the page until the packet that names its slot is read.
    template <class Ring>
    [[nodiscard]] std::optional<std::uint16_t> post(Ring& ring, std::uint32_t gref) noexcept {
        const auto slot = static_cast<std::uint16_t>(posted_ & (ring.capacity() - 1));
        if (!ring.push({slot, 0, gref}))
            return std::nullopt;
        ++posted_;
        return slot;
    }

    /// Takes the next packet from the ring. `packet` is overwritten.
    ///   accepted  pieces are the packet
    ///   rejected  the packet is lost; recycle its buffers and go on
    ///   broken    the backend broke the protocol: the ring is poisoned, packet.error says why, and
    ///             the backend may still write to every buffer
    /// Never allocates, reads each slot once, a bounded number of them.
    template <class Ring>
    [[nodiscard]] verdict read(Ring& ring, rx_packet& packet) noexcept {
        const auto first = static_cast<std::uint16_t>(received_ & (ring.capacity() - 1));
        rx_parser parser(packet, first, ring.capacity());
        for (bool more = true; more;) {
            rx_response response;
            if (!ring.pop(response)) {
                if (packet.slot_count == 0 && ring.fault() == fault::none)
                    return verdict::empty;
                parser.stop(ring.fault() != fault::none ? packet_error::ring_fault
                                                        : packet_error::incomplete_packet);
                break;
            }
            more = parser.take(response);
        }
        received_ += packet.slot_count;
        if (is_fatal(packet.error)) {
            ring.poison(fault::malformed_packet);
            return verdict::broken;
        }
        return packet.error == packet_error::none ? verdict::accepted : verdict::rejected;
    }

    /// Buffers that are with the backend.
    [[nodiscard]] constexpr std::size_t in_flight() const noexcept { return posted_ - received_; }

private:
    std::uint32_t posted_;
    std::uint32_t received_;
};

} // namespace xenring::ring::netif
