// Ethernet frames for tests, with right checksums unless a test asks for blank ones.
#pragma once

#include <xenring/net/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xenring::net::test {

using frame_bytes = std::vector<std::byte>;

inline void put8(frame_bytes& out, unsigned value) {
    out.push_back(static_cast<std::byte>(value));
}
inline void put16(frame_bytes& out, std::size_t value) {
    put8(out, static_cast<unsigned>(value >> 8 & 0xff));
    put8(out, static_cast<unsigned>(value & 0xff));
}
inline void put_ethernet(frame_bytes& out, std::size_t type) {
    for (const unsigned byte : {0x00, 0x16, 0x3e, 0x00, 0x00, 0x01, 0x00, 0x16, 0x3e, 0, 0, 0x02})
        put8(out, byte);
    put16(out, type);
}
inline void put_ipv4(frame_bytes& out, unsigned protocol, std::size_t payload) {
    put16(out, 0x4500);
    put16(out, 20 + payload);
    for (const unsigned byte :
         {0u, 0u, 0u, 0u, 64u, protocol, 0u, 0u, 10u, 9u, 0u, 1u, 10u, 9u, 0u, 2u})
        put8(out, byte);
}
inline void put_ipv6(frame_bytes& out, unsigned protocol, std::size_t payload) {
    put16(out, 0x6000);
    put16(out, 0);
    put16(out, payload);
    put8(out, protocol);
    put8(out, 64);
    for (unsigned i = 0; i != 32; ++i)
        put8(out, 0xfd + i);
}
inline void put_udp(frame_bytes& out, std::size_t payload) {
    for (const std::size_t word :
         {std::size_t{1000}, std::size_t{2000}, 8 + payload, std::size_t{0}})
        put16(out, word);
}
inline void put_tcp(frame_bytes& out) {
    for (const unsigned word : {1000, 2000, 0, 1, 0, 2, 0x5010, 500, 0, 0})
        put16(out, word);
}
inline void put_payload(frame_bytes& out, std::size_t size) {
    for (std::size_t i = 0; i != size; ++i)
        put8(out, static_cast<unsigned>(i * 7 + 3) & 0xff);
}

/// Leaves the pseudo header's sum in the field, as a sender with checksum offload does.
inline frame_bytes blank(frame_bytes frame) {
    if (const auto where = find_transport(frame))
        seed_checksum(frame, *where);
    return frame;
}
inline frame_bytes complete(frame_bytes frame) {
    frame = blank(std::move(frame));
    if (const auto where = find_transport(frame))
        complete_checksum(frame, where->start, where->checksum, where->end);
    return frame;
}

inline frame_bytes udp_frame(std::size_t payload) {
    frame_bytes out;
    put_ethernet(out, 0x0800);
    put_ipv4(out, 17, 8 + payload);
    put_udp(out, payload);
    put_payload(out, payload);
    return complete(out);
}
inline frame_bytes tcp_frame(std::size_t payload, bool ipv6 = false) {
    frame_bytes out;
    put_ethernet(out, ipv6 ? 0x86dd : 0x0800);
    if (ipv6)
        put_ipv6(out, 6, 20 + payload);
    else
        put_ipv4(out, 6, 20 + payload);
    put_tcp(out);
    put_payload(out, payload);
    return complete(out);
}

inline bool is_right(std::span<const std::byte> frame) {
    const auto where = find_transport(frame);
    return where && checksum_is_right(frame, *where);
}

} // namespace xenring::net::test
