// How soon to look again at an index that a busy peer keeps moving.
#pragma once

#include <xenring/vchan/relax.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace xenring::vchan::detail {

/// Spaces looks at the peer's index. All indices lie in one cache line, and each look takes it away
/// from the peer, who needs it for the next message: that costs both sides more than the message
/// itself. So while one look after another finds a little, the next one keeps a distance from the
/// last, up to a microsecond; a look that finds nothing ends that at once. Whoever awaits an
/// answer, or comes later than that anyhow, never waits here.
class pacer {
public:
    using clock = std::chrono::steady_clock;

    /// Without `on` it never waits.
    explicit pacer(bool on) noexcept : plenty_{on ? std::size_t{1024} : 0} {}

    /// Call before a look.
    void keep_distance() noexcept {
        if (distance_.count() == 0)
            return;
        while (clock::now() < next_look_)
            relax();
    }

    /// Call after a look, with how many bytes are there.
    void found(std::size_t count) noexcept {
        if (count == 0)
            distance_ = {};
        else if (count < plenty_)
            distance_ = std::clamp(distance_ * 2, shortest, longest);
        else
            distance_ /= 2;
        if (distance_.count() != 0)
            next_look_ = clock::now() + distance_;
    }

    /// From the last look to the next one, at least.
    std::chrono::nanoseconds distance() const noexcept { return distance_; }

    static constexpr std::chrono::nanoseconds shortest{64}, longest{1024};

private:
    std::size_t plenty_; ///< bytes that are worth a look at any time
    std::chrono::nanoseconds distance_{};
    clock::time_point next_look_;
};

} // namespace xenring::vchan::detail
