#pragma once

/// Toeplitz hashes of frames, by which a backend chooses the queue on which a guest gets them.
///
/// Source: xen/io/netif.h, "Hash types" and "Hash algorithms"; the hash and its test vectors are
/// those of Microsoft's receive side scaling.

#include <xenring/ring/netif_packet.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::ring::netif {

namespace hash_algorithm {
inline constexpr std::uint32_t none = 0;
inline constexpr std::uint32_t toeplitz = 1;
} // namespace hash_algorithm

/// Bits of a set of hash types. An extra names a type by the number of its bit.
namespace hash_type {
inline constexpr std::uint32_t ipv4 = 1;
inline constexpr std::uint32_t ipv4_tcp = 2;
inline constexpr std::uint32_t ipv6 = 4;
inline constexpr std::uint32_t ipv6_tcp = 8;
inline constexpr std::uint32_t all = 15;
} // namespace hash_type

/// Bytes of the longest key that is of any use, and of the longest input, that of ipv6_tcp.
inline constexpr std::size_t max_hash_key = 40;
inline constexpr std::size_t max_hash_input = 36;

/// The hash as its definition has it: for each bit of the input that is set, the 32 bits of the key
/// that begin at that bit. Key bytes that are not there are zero.
[[nodiscard]] constexpr std::uint32_t toeplitz(std::span<const std::uint8_t> key,
                                               std::span<const std::uint8_t> input) noexcept {
    const auto key_byte = [key](std::size_t i) {
        return std::uint64_t{i < key.size() ? key[i] : std::uint8_t{0}};
    };
    std::uint64_t window = 0; // 64 bits of the key, of which the upper 32 are looked at
    for (std::size_t i = 0; i != 8; ++i)
        window = window << 8 | key_byte(i);
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i != input.size(); ++i) {
        for (unsigned bit = 0; bit != 8; ++bit) {
            if ((input[i] << bit & 0x80) != 0)
                hash ^= window;
            window <<= 1;
        }
        window |= key_byte(i + 8);
    }
    return static_cast<std::uint32_t>(hash >> 32);
}

/// The same for one key and many inputs: two look-ups a byte. 4.5 KiB, nothing on the heap.
class toeplitz_table {
public:
    /// The empty key, with which every hash is 0.
    constexpr toeplitz_table() noexcept = default;
    explicit constexpr toeplitz_table(std::span<const std::uint8_t> key) noexcept {
        for (std::size_t nibble = 0; nibble != 2 * max_hash_input; ++nibble)
            for (unsigned bit = 0; bit != 4; ++bit) {
                std::array<std::uint8_t, max_hash_input> input{};
                input[nibble / 2] =
                    static_cast<std::uint8_t>((nibble % 2 == 0 ? 0x10u : 0x01u) << bit);
                const std::uint32_t hash = toeplitz(key, {input.data(), nibble / 2 + 1});
                for (unsigned value = 0; value != 16; ++value)
                    if ((value >> bit & 1) != 0)
                        table_[nibble][value] ^= hash;
            }
    }

    /// Precondition: input.size() <= max_hash_input; what is beyond is ignored.
    [[nodiscard]] constexpr std::uint32_t
    operator()(std::span<const std::uint8_t> input) const noexcept {
        std::uint32_t hash = 0;
        for (std::size_t i = 0; i != input.size() && i != max_hash_input; ++i)
            hash ^= table_[2 * i][input[i] >> 4] ^ table_[2 * i + 1][input[i] & 15];
        return hash;
    }

private:
    std::uint32_t table_[2 * max_hash_input][16]{};
};

/// What of a frame is hashed.
struct hash_input {
    std::uint8_t type; ///< number of a bit of hash_type
    fixed_list<std::uint8_t, max_hash_input> bytes{};
};

namespace detail {

[[nodiscard]] inline std::uint8_t byte_at(std::span<const std::byte> frame,
                                          std::size_t at) noexcept {
    return std::to_integer<std::uint8_t>(frame[at]);
}

[[nodiscard]] inline unsigned word_at(std::span<const std::byte> frame, std::size_t at) noexcept {
    return 256u * byte_at(frame, at) + byte_at(frame, at + 1);
}

/// Where an IP packet's addresses are, and its ports if it is TCP and they are in the frame.
struct ip_layout {
    std::size_t addresses;
    std::size_t addresses_size;
    std::size_t ports; ///< 0: none
    std::uint32_t plain_type;
    std::uint32_t tcp_type;
};

inline constexpr std::uint8_t tcp_protocol = 6;

/// Ports of a later fragment are elsewhere, so a fragment counts as no TCP, the first one too.
[[nodiscard]] inline std::optional<ip_layout> ipv4_layout(std::span<const std::byte> frame,
                                                          std::size_t ip) noexcept {
    if (frame.size() < ip + 20 || byte_at(frame, ip) >> 4 != 4)
        return std::nullopt;
    const std::size_t header = 4u * (byte_at(frame, ip) & 15u);
    const bool fragment = (word_at(frame, ip + 6) & 0x3fff) != 0;
    const bool tcp = byte_at(frame, ip + 9) == tcp_protocol && !fragment && header >= 20 &&
                     frame.size() >= ip + header + 4;
    return ip_layout{ip + 12, 8, tcp ? ip + header : 0, hash_type::ipv4, hash_type::ipv4_tcp};
}

/// TCP behind extension headers is not looked for.
[[nodiscard]] inline std::optional<ip_layout> ipv6_layout(std::span<const std::byte> frame,
                                                          std::size_t ip) noexcept {
    if (frame.size() < ip + 40 || byte_at(frame, ip) >> 4 != 6)
        return std::nullopt;
    const bool tcp = byte_at(frame, ip + 6) == tcp_protocol && frame.size() >= ip + 44;
    return ip_layout{ip + 8, 32, tcp ? ip + 40 : 0, hash_type::ipv6, hash_type::ipv6_tcp};
}

[[nodiscard]] inline std::optional<ip_layout> find_ip(std::span<const std::byte> frame) noexcept {
    if (frame.size() < min_frame_size)
        return std::nullopt;
    std::size_t type = 12;
    if (word_at(frame, type) == 0x8100 && frame.size() >= min_frame_size + 4)
        type += 4; // one VLAN tag
    if (word_at(frame, type) == 0x0800)
        return ipv4_layout(frame, type + 2);
    if (word_at(frame, type) == 0x86dd)
        return ipv6_layout(frame, type + 2);
    return std::nullopt;
}

} // namespace detail

/// What of a frame is to be hashed if `types` (bits of hash_type) are asked for: the type that
/// takes the most of it. Nothing if none fits. `frame` begins with the Ethernet header and need not
/// be complete: 78 bytes are enough for a frame without options. Whatever is in it, nothing beyond
/// it is read.
[[nodiscard]] inline std::optional<hash_input> select_input(std::span<const std::byte> frame,
                                                            std::uint32_t types) noexcept {
    const auto ip = detail::find_ip(frame);
    if (!ip)
        return std::nullopt;
    const bool tcp = ip->ports != 0 && (types & ip->tcp_type) != 0;
    const std::uint32_t type = tcp ? ip->tcp_type : ip->plain_type & types;
    if (type == 0)
        return std::nullopt;
    hash_input input{static_cast<std::uint8_t>(std::countr_zero(type))};
    for (std::size_t i = 0; i != ip->addresses_size; ++i)
        input.bytes.push(detail::byte_at(frame, ip->addresses + i));
    for (std::size_t i = 0; tcp && i != 4; ++i)
        input.bytes.push(detail::byte_at(frame, ip->ports + i));
    return input;
}

/// The hash of a frame, as it goes into a hash extra.
[[nodiscard]] inline std::optional<packet_hash> hash_frame(std::span<const std::byte> frame,
                                                           std::uint32_t types,
                                                           const toeplitz_table& table) noexcept {
    const auto input = select_input(frame, types);
    if (!input)
        return std::nullopt;
    return packet_hash{input->type, hash_algorithm::toeplitz,
                       table({input->bytes.data(), input->bytes.size()})};
}

} // namespace xenring::ring::netif
