#pragma once

/// The backend's end of the tx ring: slots that a guest wrote become a packet that keeps the rules.
///
/// Answering: every slot of a packet is answered, an extra with response_status::null, and all of
/// them in the order of the slots. Keep whole packets together between two publish() of the ring:
/// the indices then always stand at the beginning of a packet, so that a backend that is started
/// again under a live guest (back_ring::attach) does not begin in the middle of one.
///
/// Source: xen/io/netif.h, "Guest transmit". Where that text leaves open what a bad packet costs,
/// Linux's netback decides.

#include <xenring/ring/fault.hpp>
#include <xenring/ring/netif_extras.hpp>
#include <xenring/ring/netif_packet.hpp>
#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring::netif {

using tx_front_ring = front_ring<tx_request, tx_response>;
using tx_back_ring = back_ring<tx_request, tx_response>;

/// A packet from a guest; without data if it was not accepted. Plain data: copy it, keep it as long
/// as you like, reuse it for the next packet.
struct tx_packet {
    std::uint32_t size = 0; ///< bytes of all fragments together, at least min_frame_size
    /// Where the bytes are, in order. Empty slots are left out: nobody touches their reference
    /// (XSA-448). A fragment may be a single byte, and a header may lie in several of them: gather
    /// it into one piece before anything looks at it (XSA-423).
    fixed_list<fragment, max_slots> fragments{};
    packet_info info{};
    /// A request to change the multicast filter; such a packet has no data and no size.
    std::optional<mac_address> multicast_add{};
    std::optional<mac_address> multicast_del{};
    packet_error error = packet_error::none;

    /// To be answered: the data slots, and between the first and the others the extras.
    fixed_list<std::uint16_t, fatal_slots> ids{};
    std::size_t extra_slots = 0;

    [[nodiscard]] constexpr bool is_multicast_control() const noexcept {
        return multicast_add.has_value() || multicast_del.has_value();
    }
};

/// Builds one tx_packet slot by slot. Every slot given must be a private copy (ring_half::pop).
class tx_parser {
public:
    /// Starts afresh; `packet` must outlive the parser.
    explicit constexpr tx_parser(tx_packet& packet) noexcept : packet_(packet) { packet = {}; }

    /// Takes the next slot in. True: the packet goes on in another one. False: it is complete,
    /// accepted or not: see packet.error. O(1); a packet ends after at most fatal_slots +
    /// max_extras + 1 calls, whatever the peer wrote.
    [[nodiscard]] constexpr bool take(const tx_request& slot) noexcept {
        if (expected_ == expected::extra)
            take_extra(extra_of(slot));
        else
            take_data(slot);
        if (expected_ == expected::nothing && !is_fatal(packet_.error))
            finish();
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

    constexpr void take_data(const tx_request& slot) noexcept {
        if (!packet_.ids.push(slot.id))
            return fail(packet_error::endless_packet);
        if (packet_.ids.size() > max_slots)
            fail(packet_error::too_many_slots);
        more_data_ = (slot.flags & tx_flag::more_data) != 0;
        if (expected_ == expected::first)
            return take_first(slot);
        expected_ = more_data_ ? expected::data : expected::nothing;
        others_ += slot.size;
        if (std::uint32_t{slot.offset} + slot.size > page_size)
            return fail(packet_error::crosses_page);
        if (slot.size != 0)
            packet_.fragments.push({slot.gref, slot.offset, slot.size});
    }

    constexpr void take_first(const tx_request& slot) noexcept {
        packet_.size = slot.size;
        packet_.info.csum_blank = (slot.flags & tx_flag::csum_blank) != 0;
        packet_.info.data_validated = (slot.flags & tx_flag::data_validated) != 0;
        packet_.fragments.push({slot.gref, slot.offset, 0}); // its size is what the others leave
        expected_ = (slot.flags & tx_flag::extra_info) != 0 ? expected::extra
                    : more_data_                            ? expected::data
                                                            : expected::nothing;
    }

    constexpr void take_extra(const extra_info& extra) noexcept {
        if (const auto error = extras_.take(extra, packet_.info); error != packet_error::none)
            return fail(error);
        packet_.extra_slots = extras_.count();
        if ((extra.flags & extra_more) == 0)
            expected_ = more_data_ ? expected::data : expected::nothing;
    }

    constexpr void finish() noexcept {
        packet_.multicast_add = extras_.multicast_add();
        packet_.multicast_del = extras_.multicast_del();
        if (packet_.is_multicast_control())
            return drop_data();
        if (packet_.error != packet_error::none)
            return;
        if (others_ > packet_.size)
            return fail(packet_error::sizes_over_total);
        if (packet_.size < min_frame_size)
            return fail(packet_error::shorter_than_ethernet);
        auto& first = packet_.fragments[0];
        first.size = static_cast<std::uint16_t>(packet_.size - others_);
        if (std::uint32_t{first.offset} + first.size > page_size)
            return fail(packet_error::crosses_page);
        if (first.size == 0)
            packet_.fragments.pop_front();
    }

    /// Of a bad packet nobody shall use anything. And the request that carries a multicast extra is
    /// a dummy: what it says about data is not read.
    constexpr void drop_data() noexcept {
        packet_.size = 0;
        packet_.fragments.clear();
        packet_.info = {};
    }

    /// The first error stays, unless a later one is worse.
    constexpr void fail(packet_error error) noexcept {
        if (packet_.error == packet_error::none || (is_fatal(error) && !is_fatal(packet_.error)))
            packet_.error = error;
    }

    tx_packet& packet_;
    extra_collector extras_{true};
    std::uint32_t others_ = 0; // bytes of all data slots but the first
    expected expected_ = expected::first;
    bool more_data_ = false;
};

/// Takes the next packet from a ring. `packet` is overwritten.
///   accepted  use it, then answer() it
///   rejected  answer() it with response_status::error, and go on
///   broken    the ring is poisoned with what the peer did, packet.error says it in netif's terms;
///             nothing is to be answered, the device is to be closed
/// Never allocates, reads each slot once, and pops at most fatal_slots + max_extras + 1 of them.
template <class Ring>
[[nodiscard]] verdict read(Ring& ring, tx_packet& packet) noexcept {
    tx_parser parser(packet);
    bool more = true;
    for (bool first = true; more; first = false) {
        if (tx_request slot; ring.pop(slot)) {
            more = parser.take(slot);
            continue;
        }
        if (first && ring.fault() == fault::none)
            return verdict::empty;
        parser.stop(ring.fault() != fault::none ? packet_error::ring_fault
                                                : packet_error::incomplete_packet);
        more = false;
    }
    if (is_fatal(packet.error)) {
        ring.poison(fault::malformed_packet);
        return verdict::broken;
    }
    return packet.error == packet_error::none ? verdict::accepted : verdict::rejected;
}

/// Pushes the responses of a packet that was accepted or rejected: `status` for each data slot,
/// null for each extra. The caller publishes. Once for each packet; a guest matches by id and takes
/// any order, but only in the order of reading is a restart exact. False if the ring is poisoned.
template <class Ring>
[[nodiscard]] bool answer(Ring& ring, const tx_packet& packet, std::int16_t status) noexcept {
    bool pushed = true;
    for (std::size_t i = 0; i != packet.ids.size(); ++i) {
        pushed = pushed && ring.push({packet.ids[i], status});
        for (std::size_t extra = 0; i == 0 && extra != packet.extra_slots; ++extra)
            pushed = pushed && ring.push({0, response_status::null});
    }
    return pushed;
}

} // namespace xenring::ring::netif
