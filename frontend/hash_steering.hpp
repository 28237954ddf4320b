#pragma once

/// How a program wants received frames spread over its queues.

#include <xenring/ring/netif_hash.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace xenring::frontend {

/// The backend hashes each frame with Toeplitz's function (as receive side scaling does), and looks
/// in the mapping which queue it goes to. Source: xen/io/netif.h, "Hash algorithms".
struct hash_steering {
    /// Bits of ring::netif::hash_type: what of a frame is hashed. A frame of no such kind goes
    /// where a hash of 0 does.
    std::uint32_t types = ring::netif::hash_type::all;
    std::array<std::uint8_t, ring::netif::max_hash_key> key{};
    /// Entry `hash % size` is the queue, taken modulo queue_count(). Backends take 128 entries, a
    /// message 1024. Empty: the hash modulo queue_count().
    std::vector<std::uint32_t> mapping{};

    friend bool operator==(const hash_steering&, const hash_steering&) = default;
};

} // namespace xenring::frontend
