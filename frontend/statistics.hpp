#pragma once

/// What a netfront counts.

#include <cstdint>

namespace xenring::frontend {

/// One direction.
struct flow_statistics {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t segmented = 0; ///< packets that were to be cut
    std::uint64_t rejected = 0;  ///< tx: the backend did not take it; rx: no usable packet
    std::uint64_t events = 0;
    std::uint64_t idle = 0;     ///< events without a cause
    std::uint64_t notified = 0; ///< events to the backend
};

struct netfront_statistics {
    flow_statistics tx; ///< to the backend
    flow_statistics rx; ///< from it
};

} // namespace xenring::frontend
