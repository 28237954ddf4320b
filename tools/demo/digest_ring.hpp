// The demo's little device: a request names bytes in a granted page, the response is their digest,
// and the backend leaves the bytes inverted. Store nodes, are under
// /local/domain/<frontend>/data/digest/0: ring-ref, event-channel.
#pragma once

#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenring::tools::demo {

struct digest_request {
    std::uint64_t id;
    std::uint32_t reference;
    std::uint16_t offset;
    std::uint16_t length;
};

struct digest_response {
    std::uint64_t id;
    std::uint64_t digest; ///< 0 if the request could not be served
};

using digest_front = ring::front_ring<digest_request, digest_response>;
using digest_back = ring::back_ring<digest_request, digest_response>;

inline constexpr const char* digest_device = "data/digest/0";
inline constexpr std::uint64_t digest_end_id = ~std::uint64_t{0};

/// FNV-1a over eight bytes at a time; the tail byte by byte. Never 0.
inline std::uint64_t digest(std::span<const std::byte> bytes) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto mix = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3u; };
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        std::uint64_t word = 0;
        __builtin_memcpy(&word, bytes.data() + at, 8);
        mix(word);
    }
    for (; at < bytes.size(); ++at)
        mix(std::to_integer<std::uint64_t>(bytes[at]));
    return hash == 0 ? 1 : hash;
}

} // namespace xenring::tools::demo
