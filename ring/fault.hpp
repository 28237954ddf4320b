// What ends a ring.
#pragma once

#include <cstdint>

namespace xenring::ring {

/// What a peer did that no correct peer can do, and what a caller can get wrong.
///
/// A ring that meets one of these is poisoned: it keeps the first fault and moves nothing any
/// more. There is no way back but to drop the ring and start a new one.
enum class fault : std::uint8_t {
    none = 0,
    producer_overrun,        ///< peer's producer index claims more than the ring can hold
    consumer_overrun,        ///< peer's consumer index is ahead of what we produced
    index_went_back,         ///< peer's index retreated
    unexpected_response,     ///< more responses than requests in flight
    unusable_memory,         ///< caller: ring memory too small, misaligned or not a power of two
    over_commit,             ///< caller: committed more than prepare() offered
    over_consume,            ///< caller: consumed more than data() offered
    bad_order,               ///< vchan: a ring order outside 10..20
    equal_in_page_orders,    ///< vchan: both rings claim the same part of the control page
    references_overlap_ring, ///< vchan: the grant references run into a ring in the page
    bad_live_byte,           ///< vchan: a live byte that means nothing
    malformed_packet,        ///< netif: slots that cannot be a packet
};

/// A short English phrase for logs; static storage. An unknown value has a phrase too.
[[nodiscard]] constexpr const char* describe(fault value) noexcept {
    switch (value) {
    case fault::none:
        return "no fault";
    case fault::producer_overrun:
        return "peer's producer index claims more than the ring can hold";
    case fault::consumer_overrun:
        return "peer's consumer index is ahead of what was produced";
    case fault::index_went_back:
        return "peer's index went back";
    case fault::unexpected_response:
        return "peer sent more responses than there are requests in flight";
    case fault::unusable_memory:
        return "ring memory is too small, misaligned or not a power of two";
    case fault::over_commit:
        return "more was committed than had been prepared";
    case fault::over_consume:
        return "more was consumed than had been offered";
    case fault::bad_order:
        return "vchan ring order is outside 10..20";
    case fault::equal_in_page_orders:
        return "both vchan rings claim the same part of the control page";
    case fault::references_overlap_ring:
        return "vchan grant references overlap a ring in the control page";
    case fault::bad_live_byte:
        return "vchan live byte has an impossible value";
    case fault::malformed_packet:
        return "slots in the ring cannot be a packet";
    }
    return "unknown fault";
}

} // namespace xenring::ring
