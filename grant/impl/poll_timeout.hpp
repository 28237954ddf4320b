// How long poll() may wait.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace xenring::detail {

/// In poll()'s unit, rounded up; 0 if the deadline has passed, -1, which is for ever, for
/// time_point::max(). Else a minute at most, so that any deadline fits: look at the clock again.
inline int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
    using clock = std::chrono::steady_clock;
    if (deadline == clock::time_point::max())
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

} // namespace xenring::detail
