// How long to look again before sleeping.
#pragma once

#include <xenring/vchan/relax.hpp>

#include <algorithm>
#include <chrono>

namespace xenring::vchan::detail {

/// Decides from what became of earlier spins how long the next one may last: twice as long after a
/// success, half as long after a failure, and after enough failures hardly ever.
class spinner {
public:
    using clock = std::chrono::steady_clock;

    /// `longest` of 0 never spins.
    explicit spinner(std::chrono::nanoseconds longest) noexcept
        : longest_{longest}, budget_{longest / 4} {}

    /// Calls ready() until it returns true or the time is over; returns what it returned last.
    template <class Ready>
    bool spin(Ready&& ready) {
        const auto limit = next_budget();
        if (limit.count() == 0)
            return false;
        const auto end = clock::now() + limit;
        do {
            for (int i = 0; i != looks_per_clock_read; ++i) {
                if (ready())
                    return adapt(true);
                relax();
            }
        } while (clock::now() < end);
        return adapt(false);
    }

private:
    static constexpr int looks_per_clock_read = 8;
    static constexpr std::chrono::nanoseconds shortest{500};
    static constexpr unsigned sleeps_per_probe = 32;

    std::chrono::nanoseconds next_budget() noexcept {
        if (budget_ >= shortest || longest_.count() == 0)
            return budget_;
        if (++skipped_ % sleeps_per_probe != 0)
            return {};
        return longest_ / 4; // the peer may be awake again
    }

    bool adapt(bool won) noexcept {
        budget_ = won ? std::min(longest_, std::max(budget_, shortest) * 2) : budget_ / 2;
        return won;
    }

    std::chrono::nanoseconds longest_;
    std::chrono::nanoseconds budget_;
    unsigned skipped_ = 0;
};

} // namespace xenring::vchan::detail
