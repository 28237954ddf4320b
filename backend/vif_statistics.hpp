#pragma once

/// What a vif's queues counted.

#include <cstdint>

namespace xenring::backend {

/// One direction of one queue.
struct flow_statistics {
    std::uint64_t packets = 0;   ///< handed on
    std::uint64_t bytes = 0;     ///< of these
    std::uint64_t segmented = 0; ///< of the packets: large TCP segments, still to be cut
    std::uint64_t blank = 0;     ///< of the packets: with a checksum still to be computed
    std::uint64_t rejected = 0;  ///< lost: slots that hold no usable packet, or too many of them
    std::uint64_t unusable = 0;  ///< lost: a checksum or segmentation that cannot be passed on
    std::uint64_t uncopied = 0;  ///< lost: guest's memory could not be reached
    std::uint64_t refused = 0;   ///< lost: the other side would not take it
    std::uint64_t expired = 0;   ///< lost: the guest posted no buffers for too long
    std::uint64_t segments = 0;  ///< of grant copies
    std::uint64_t copies = 0;    ///< calls of the hypervisor to copy
    std::uint64_t events = 0;    ///< received
    std::uint64_t idle = 0;      ///< of these: with nothing to do
    std::uint64_t notified = 0;  ///< events sent

    std::uint64_t lost() const noexcept {
        return rejected + unusable + uncopied + refused + expired;
    }
    flow_statistics& operator+=(const flow_statistics& other) noexcept {
        packets += other.packets;
        bytes += other.bytes;
        segmented += other.segmented;
        blank += other.blank;
        rejected += other.rejected;
        unusable += other.unusable;
        uncopied += other.uncopied;
        refused += other.refused;
        expired += other.expired;
        segments += other.segments;
        copies += other.copies;
        events += other.events;
        idle += other.idle;
        notified += other.notified;
        return *this;
    }
};

/// Named as the guest sees it: it transmits (tx) and receives (rx).
struct vif_statistics {
    flow_statistics tx;
    flow_statistics rx;
    vif_statistics& operator+=(const vif_statistics& other) noexcept {
        tx += other.tx;
        rx += other.rx;
        return *this;
    }
};

} // namespace xenring::backend
