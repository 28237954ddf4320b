#pragma once

/// What a netfront counts.

#include <cstdint>

namespace xenring::frontend {

/// One direction of a queue, or of all.
struct flow_statistics {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t segmented = 0; ///< packets that were to be cut
    std::uint64_t rejected = 0;  ///< tx: the backend did not take it; rx: no usable packet
    std::uint64_t events = 0;
    std::uint64_t idle = 0;     ///< events without a cause
    std::uint64_t notified = 0; ///< events to the backend

    constexpr flow_statistics& operator+=(const flow_statistics& other) noexcept {
        packets += other.packets;
        bytes += other.bytes;
        segmented += other.segmented;
        rejected += other.rejected;
        events += other.events;
        idle += other.idle;
        notified += other.notified;
        return *this;
    }
};

struct netfront_statistics {
    flow_statistics tx; ///< to the backend
    flow_statistics rx; ///< from it

    constexpr netfront_statistics& operator+=(const netfront_statistics& other) noexcept {
        tx += other.tx;
        rx += other.rx;
        return *this;
    }
};

} // namespace xenring::frontend
