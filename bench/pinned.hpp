#pragma once

// Two threads, each on a CPU of its own, and what they measure.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <pthread.h>
#include <sched.h>
#include <stdexcept>
#include <thread>
#include <vector>

namespace xenring::bench {

inline void use_cpu(unsigned number) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number % std::max(1U, std::thread::hardware_concurrency()), &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// The other side; joined where the result ends.
template <class Function>
[[nodiscard]] std::jthread beside(Function function) {
    return std::jthread{[function] {
        use_cpu(1);
        try {
            function();
        } catch (const std::exception& wrong) {
            std::fprintf(stderr, "the other side: %s\n", wrong.what());
            std::_Exit(1);
        }
    }};
}

/// Nanoseconds for each of `count`, printed as bench/benchkit reads it.
template <class Function>
void print_time_of(std::uint64_t count, Function function) {
    const auto began = std::chrono::steady_clock::now();
    function();
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - began;
    std::printf("%.3f\n", time.count() / static_cast<double>(count));
}

/// The time of each of `count` round trips. The clock is read once for each, which is part of it.
class round_trips {
public:
    explicit round_trips(std::uint64_t count) { times_.reserve(count); }

    /// One has ended and the next begins.
    void lap() {
        const auto now = std::chrono::steady_clock::now();
        times_.push_back(std::chrono::nanoseconds{now - began_}.count());
        began_ = now;
    }

    /// The median in nanoseconds, and two percentiles beside it.
    void print() {
        std::ranges::sort(times_);
        const auto at = [this](double part) {
            const auto last = static_cast<double>(times_.size() - 1);
            return times_.at(static_cast<std::size_t>(part * last));
        };
        std::printf("%jd p99=%jd p99.9=%jd\n", std::intmax_t{at(0.5)}, std::intmax_t{at(0.99)},
                    std::intmax_t{at(0.999)});
    }

private:
    std::vector<std::int64_t> times_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

} // namespace xenring::bench
