// How long to look again before sleeping.
#pragma once

#include <xenring/vchan/relax.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace xenring::vchan::detail {

/// Decides from what became of earlier spins how long the next one may last: twice as long after a
/// success, half as long after a failure, and after enough failures hardly ever. After a sleep so
/// short that a longer spin might have done it is tried: else two ends that work at the same time,
/// once both have slept, wake each other for every ring full. A few times, until one succeeds.
class spinner {
public:
    using clock = std::chrono::steady_clock;

    /// `longest` of 0 never spins.
    explicit spinner(std::chrono::nanoseconds longest) noexcept
        : longest_{longest}, budget_{longest / 4} {}

    /// Calls ready() until it returns true or the time is over; returns what it returned last.
    template <class Ready>
    bool spin(Ready&& ready) {
        if (longest_.count() == 0)
            return false;
        began_ = clock::now();
        const auto limit = next_budget();
        if (limit.count() == 0)
            return false;
        const auto end = began_ + limit;
        do {
            for (int i = 0; i != looks_per_clock_read; ++i) {
                if (ready())
                    return adapt(true);
                relax();
            }
        } while (clock::now() < end);
        return adapt(false);
    }

    /// Call when an event has ended the sleep that followed a failure, and then, if that brought
    /// what was waited for, paid(): events for nothing must not make anybody spin.
    void woken() noexcept {
        // Half of the time is for waking up, which takes about as long as a good spin.
        brief_ = longest_.count() != 0 && clock::now() - began_ < 2 * longest_;
    }
    void paid() noexcept {
        if (std::exchange(brief_, false) && hopes_ > 0) {
            --hopes_;
            budget_ = longest_;
        }
    }

private:
    static constexpr int looks_per_clock_read = 8;
    static constexpr std::chrono::nanoseconds shortest{500};
    static constexpr unsigned sleeps_per_probe = 32;
    static constexpr unsigned most_hopes = 4;

    std::chrono::nanoseconds next_budget() noexcept {
        if (budget_ >= shortest)
            return budget_;
        if (++skipped_ % sleeps_per_probe != 0)
            return {};
        hopes_ = 1;
        return longest_ / 4; // the peer may be awake again
    }

    bool adapt(bool won) noexcept {
        if (won)
            hopes_ = most_hopes;
        budget_ = won ? std::min(longest_, std::max(budget_, shortest) * 2) : budget_ / 2;
        return won;
    }

    std::chrono::nanoseconds longest_;
    std::chrono::nanoseconds budget_;
    clock::time_point began_;
    bool brief_ = false;
    unsigned hopes_ = most_hopes; ///< how often a brief sleep still is a reason to spin for longer
    unsigned skipped_ = 0;
};

} // namespace xenring::vchan::detail
