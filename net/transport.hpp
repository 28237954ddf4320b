#pragma once

/// Where the TCP or UDP header of an Ethernet frame is, and its checksum.
///
/// netif says of a packet only that its transport checksum is blank, TAP (virtio) where it is; so a
/// frame must be parsed on the way. It may come from a hostile guest: nothing outside of it is read
/// or written, whatever it says of itself. Pure functions; no allocation.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::net {

inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;

/// Offsets in the frame, in bytes.
struct transport_header {
    std::uint16_t network = 0;  ///< of the IP header
    std::uint16_t start = 0;    ///< of the TCP or UDP header
    std::uint16_t checksum = 0; ///< of its checksum field, which is in the frame
    std::uint16_t payload = 0;  ///< of what follows it, at most the frame's size
    std::uint32_t end = 0;      ///< of the IP packet; the rest of the frame is padding
    std::uint8_t protocol = 0;
    bool ipv6 = false;
};

/// Parses Ethernet, up to two VLAN tags, IPv4 with options or IPv6 with the extension headers that
/// may stand before a transport header. Nothing if there is no TCP or UDP header, if it is not
/// whole, or if the packet is a fragment (no fragment holds a checksum of its own data).
std::optional<transport_header> find_transport(std::span<const std::byte> frame) noexcept;

/// Puts the sum of the pseudo header into the checksum field: what is there when a checksum is
/// "blank". Of a segment that is still to be cut too.
void seed_checksum(std::span<std::byte> frame, const transport_header& where) noexcept;

/// Completes a checksum of which the field holds the pseudo header's sum: sums up from `start` to
/// `end` and stores the result at `field`. False, and nothing done, if these do not lie within.
bool complete_checksum(std::span<std::byte> frame, std::size_t start, std::size_t field,
                       std::size_t end) noexcept;

/// Whether the checksum is right for the frame's bytes. UDP's 0 over IPv4 (none) counts as right.
bool checksum_is_right(std::span<const std::byte> frame, const transport_header& where) noexcept;

} // namespace xenring::net
