#pragma once

/// The slots of Xen's network device, as they lie in its three rings.
///
///     ring     request       response       entry
///     tx       tx_request    tx_response    12 bytes   guest to backend
///     rx       rx_request    rx_response     8 bytes   backend to guest
///     control  ctrl_request  ctrl_response  16 bytes
///
/// A packet is a chain of slots: the first data slot, then extras (if its flags have extra_info),
/// then the other data slots (as long as the last one's flags have more_data). An extra is 8 bytes
/// and takes a whole slot: a request of the tx ring (which leaves 4 bytes of padding), or a
/// response of the rx ring, where it hides the id. Every slot gets exactly one response.
///
/// Host byte order. Source: xen/io/netif.h.

#include <xenring/ring/shared_copy.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace xenring::ring::netif {

/// Bytes that one grant reference stands for; data of a slot never leave it.
inline constexpr std::uint32_t page_size = 4096;

/// Data slots that every backend accepts in a packet, and that nobody should exceed.
inline constexpr std::size_t max_slots = 18;

/// Bytes of the longest packet that a tx request can announce.
inline constexpr std::uint32_t max_tx_size = 0xffff;

/// Bytes of an Ethernet header: what is shorter is no frame.
inline constexpr std::uint32_t min_frame_size = 14;

/// Guest to backend: a page with (a part of) a packet to send.
struct tx_request {
    std::uint32_t gref;
    std::uint16_t offset; ///< of the data in the page
    std::uint16_t flags;  ///< tx_flag
    std::uint16_t id;     ///< comes back in the response
    std::uint16_t size;   ///< first slot: of the whole packet; others: of their own data
};

/// Answers a tx_request or an extra: the page may be used again.
struct tx_response {
    std::uint16_t id;
    std::int16_t status; ///< response_status
};

/// Guest to backend: a page that may be filled.
struct rx_request {
    std::uint16_t id;
    std::uint16_t pad;
    std::uint32_t gref;
};

/// Answers an rx_request: what was put into its page. An extra may stand in its place.
struct rx_response {
    std::uint16_t id;
    std::uint16_t offset; ///< of the data in the page
    std::uint16_t flags;  ///< rx_flag
    std::int16_t status;  ///< bytes of this slot, or negative: response_status
};

/// Bits of tx_request::flags. Note that the two checksum bits are the other way round in rx_flag.
namespace tx_flag {
inline constexpr std::uint16_t csum_blank = 1;
inline constexpr std::uint16_t data_validated = 2;
inline constexpr std::uint16_t more_data = 4;
inline constexpr std::uint16_t extra_info = 8;
} // namespace tx_flag

/// Bits of rx_response::flags.
namespace rx_flag {
inline constexpr std::uint16_t data_validated = 1;
inline constexpr std::uint16_t csum_blank = 2;
inline constexpr std::uint16_t more_data = 4;
inline constexpr std::uint16_t extra_info = 8;
inline constexpr std::uint16_t gso_prefix = 16; ///< legacy, only if feature-gso-tcpv4-prefix
} // namespace rx_flag

/// Values of tx_response::status, and the negative ones of rx_response::status.
namespace response_status {
inline constexpr std::int16_t dropped = -2;
inline constexpr std::int16_t error = -1;
inline constexpr std::int16_t okay = 0;
inline constexpr std::int16_t null = 1; ///< answers an extra; its id means nothing
} // namespace response_status

/// Types of an extra. xdp is Linux's own and not in Xen's header.
namespace extra_type {
inline constexpr std::uint8_t gso = 1;
inline constexpr std::uint8_t multicast_add = 2;
inline constexpr std::uint8_t multicast_del = 3;
inline constexpr std::uint8_t hash = 4;
inline constexpr std::uint8_t xdp = 5;
} // namespace extra_type

/// Flag of an extra: another one follows.
inline constexpr std::uint8_t extra_more = 1;

/// What all extras have in common; the type says what the rest means.
struct alignas(2) extra_info {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint8_t rest[6];
};

/// The packet is to be cut into segments.
struct gso_extra {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint16_t size; ///< most payload bytes in a segment
    std::uint8_t gso_type;
    std::uint8_t pad;
    std::uint16_t features;
};

/// Not a packet: the guest joins or leaves a multicast address.
struct alignas(2) multicast_extra {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint8_t address[6];
};

/// A hash over the packet, and how it was taken.
struct alignas(2) hash_extra {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint8_t hash_type; ///< number of a bit of hash_type, not the bit itself
    std::uint8_t algorithm;
    std::uint8_t value[4]; ///< least significant byte first, on every machine
};

/// How much space lies before the data, for XDP programs.
struct xdp_extra {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint16_t headroom;
    std::uint16_t pad[2];
};

/// An extra as it fills a slot of the tx ring.
struct tx_extra_slot {
    extra_info extra;
    std::uint16_t pad[2];
};

static_assert(sizeof(tx_request) == 12 && sizeof(tx_response) == 4);
static_assert(sizeof(rx_request) == 8 && sizeof(rx_response) == 8);
static_assert(sizeof(extra_info) == 8 && sizeof(gso_extra) == 8 && sizeof(multicast_extra) == 8);
static_assert(sizeof(hash_extra) == 8 && sizeof(xdp_extra) == 8);
static_assert(sizeof(tx_extra_slot) == sizeof(tx_request));
static_assert(ring_message<tx_request> && ring_message<tx_response>);
static_assert(ring_message<rx_request> && ring_message<rx_response>);
static_assert(ring_message<extra_info> && ring_message<tx_extra_slot>);

/// The extra that a slot of the tx ring holds, and the other way round; the padding is zero.
[[nodiscard]] constexpr extra_info extra_of(const tx_request& slot) noexcept {
    return std::bit_cast<tx_extra_slot>(slot).extra;
}
[[nodiscard]] constexpr tx_request tx_slot_of(const extra_info& extra) noexcept {
    return std::bit_cast<tx_request>(tx_extra_slot{extra, {0, 0}});
}

/// The extra that a slot of the rx ring holds, and the other way round.
[[nodiscard]] constexpr extra_info extra_of(const rx_response& slot) noexcept {
    return std::bit_cast<extra_info>(slot);
}
[[nodiscard]] constexpr rx_response rx_slot_of(const extra_info& extra) noexcept {
    return std::bit_cast<rx_response>(extra);
}

} // namespace xenring::ring::netif

namespace xenring::ring {

template <>
inline constexpr members<&netif::tx_request::gref, &netif::tx_request::offset,
                         &netif::tx_request::flags, &netif::tx_request::id,
                         &netif::tx_request::size>
    members_of<netif::tx_request>{};
template <>
inline constexpr members<&netif::tx_response::id, &netif::tx_response::status>
    members_of<netif::tx_response>{};
template <>
inline constexpr members<&netif::rx_request::id, &netif::rx_request::pad, &netif::rx_request::gref>
    members_of<netif::rx_request>{};
template <>
inline constexpr members<&netif::rx_response::id, &netif::rx_response::offset,
                         &netif::rx_response::flags, &netif::rx_response::status>
    members_of<netif::rx_response>{};

} // namespace xenring::ring
