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

/// The median of `count` round trips in nanoseconds, and after it their percentiles. The clock is
/// read once for each, which is part of the figure.
template <class Function>
void print_round_trips(std::uint64_t count, Function once) {
    std::vector<std::int64_t> times(count);
    auto began = std::chrono::steady_clock::now();
    for (auto& time : times) {
        once();
        const auto ended = std::chrono::steady_clock::now();
        time = std::chrono::nanoseconds{ended - began}.count();
        began = ended;
    }
    std::ranges::sort(times);
    const auto at = [&](double part) {
        return static_cast<double>(
            times[static_cast<std::size_t>(part * double(times.size() - 1))]);
    };
    std::printf("%.0f p99=%.0f p99.9=%.0f\n", at(0.5), at(0.99), at(0.999));
}

} // namespace xenring::bench
