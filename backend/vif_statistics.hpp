#pragma once

/// What a vif's queues counted.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

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
    std::uint64_t crowded = 0;   ///< lost: read here and steered to a queue with too many
    std::uint64_t dropped = 0;   ///< lost: the queue of the interface was full
    std::uint64_t filtered = 0;  ///< not lost: multicast that the guest does not want
    std::uint64_t segments = 0;  ///< of grant copies
    std::uint64_t static_segments = 0; ///< copied from and to static grants, with no call
    std::uint64_t copies = 0;          ///< calls of the hypervisor to copy
    std::uint64_t events = 0;          ///< received
    std::uint64_t idle = 0;            ///< of these: with nothing to do
    std::uint64_t notified = 0;        ///< events sent

    std::uint64_t lost() const noexcept {
        return rejected + unusable + uncopied + refused + expired + crowded + dropped;
    }
    flow_statistics& operator+=(const flow_statistics& other) noexcept;
};

/// Every counter under its name, in the order above.
struct flow_counter {
    const char* name;
    std::uint64_t flow_statistics::*value;
};
inline constexpr flow_counter flow_counters[] = {
    {"packets", &flow_statistics::packets},
    {"bytes", &flow_statistics::bytes},
    {"segmented", &flow_statistics::segmented},
    {"blank", &flow_statistics::blank},
    {"rejected", &flow_statistics::rejected},
    {"unusable", &flow_statistics::unusable},
    {"uncopied", &flow_statistics::uncopied},
    {"refused", &flow_statistics::refused},
    {"expired", &flow_statistics::expired},
    {"crowded", &flow_statistics::crowded},
    {"dropped", &flow_statistics::dropped},
    {"filtered", &flow_statistics::filtered},
    {"segments", &flow_statistics::segments},
    {"static_segments", &flow_statistics::static_segments},
    {"copies", &flow_statistics::copies},
    {"events", &flow_statistics::events},
    {"idle", &flow_statistics::idle},
    {"notified", &flow_statistics::notified},
};
static_assert(sizeof(flow_statistics) == std::size(flow_counters) * sizeof(std::uint64_t));

inline flow_statistics& flow_statistics::operator+=(const flow_statistics& other) noexcept {
    for (const auto& each : flow_counters)
        this->*each.value += other.*each.value;
    return *this;
}

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

/// The counters that are not zero as a line for people; packets and bytes always.
std::string describe(const vif_statistics& counts);

/// One queue of many.
struct named_statistics {
    std::string vif;
    std::size_t queue = 0;
    vif_statistics counts;
};

/// All counters of all queues in Prometheus' text format:
/// xenring_vif_PACKETS_total{vif=,queue=,direction=}.
std::string prometheus_text(const std::vector<named_statistics>& queues);

/// The same for people: a line for each direction of each queue, "vif3.0 queue 0 tx 5 packets ...",
/// without the counters that are zero. Lines that are no counters of ours are left out.
std::string readable(std::string_view prometheus);

} // namespace xenring::backend
