#pragma once

/// The header that a TAP with IFF_VNET_HDR puts before each frame, and what it is in netif's words.
///
///     netif                     virtio
///     csum_blank                NEEDS_CSUM, csum_start, csum_offset
///     data_validated            DATA_VALID
///     segmentation extra        gso_type, gso_size
///
/// Source: virtio 1.1, 5.1.6; linux/virtio_net.h; xen/io/netif.h.

#include <xenring/ring/netif_packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::net {

/// struct virtio_net_hdr, in the machine's byte order, as TAP has it by default.
struct virtio_header {
    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    std::uint16_t header_size = 0;     ///< a hint: bytes up to the payload
    std::uint16_t gso_size = 0;        ///< most payload bytes in a segment
    std::uint16_t checksum_start = 0;  ///< where to start summing
    std::uint16_t checksum_offset = 0; ///< from there to the field
};
static_assert(sizeof(virtio_header) == 10);

namespace virtio_flag {
inline constexpr std::uint8_t needs_checksum = 1;
inline constexpr std::uint8_t data_valid = 2;
} // namespace virtio_flag

namespace virtio_gso {
inline constexpr std::uint8_t none = 0;
inline constexpr std::uint8_t tcpv4 = 1;
inline constexpr std::uint8_t tcpv6 = 4;
} // namespace virtio_gso

/// What a receiver of frames can do by itself.
struct offloads {
    bool checksum_ipv4 = false; ///< takes a blank checksum
    bool checksum_ipv6 = false;
    bool tcpv4 = false; ///< cuts a large TCP segment; needs checksum_ipv4
    bool tcpv6 = false;
    friend bool operator==(const offloads&, const offloads&) = default;
};

/// The header under which a guest's frame goes to TAP. Where a packet is to be segmented and its
/// checksum is not blank (old guests forget to say so) the frame's checksum field is rewritten.
/// Nothing if the frame is not what `info` says, so that nobody could complete it: drop it then.
/// `frame` may hold anything.
std::optional<virtio_header> to_virtio(std::span<std::byte> frame,
                                       const ring::netif::packet_info& info) noexcept;

/// What to tell a guest of a frame that came from TAP. A blank checksum which the guest would not
/// take, or which netif has no word for, is completed in the frame. Nothing if the frame is to be
/// segmented and the guest cannot.
std::optional<ring::netif::packet_info> from_virtio(const virtio_header& header,
                                                    std::span<std::byte> frame,
                                                    const offloads& guest) noexcept;

} // namespace xenring::net
