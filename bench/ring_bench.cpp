// ring_bench SUBJECT CASE SIZE BATCH COUNT: prints nanoseconds for one message.
//
//     SUBJECT   ours, xen (ring.h's macros in C) or boost (lockfree::spsc_queue, one-way only)
//     CASE      pairs: requests and their responses, one thread as both domains
//               threads: the same between two threads that poll, each on a CPU of its own
//               one-way: messages one after another to another thread; on a request ring each is
//                        answered, on boost's queue not
//     SIZE      bytes of a message each way: 16 or 64
//     BATCH     messages between two publications
//
// Every ring has 256 slots. What was received is added up and checked.
#include "messages.h"

#include <xenring/ring/request_ring.hpp>

#include <boost/lockfree/spsc_queue.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <pthread.h>
#include <sched.h>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

constexpr std::size_t slots = 256;

struct job {
    std::string subject;
    std::string what;
    std::uint64_t count;
    unsigned batch;
};

void use_cpu(unsigned number) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number % std::max(1U, std::thread::hardware_concurrency()), &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// The other domain.
template <class Function>
std::jthread beside(Function function) {
    return std::jthread{[function] {
        use_cpu(1);
        function();
    }};
}

template <class Message>
using front = xenring::ring::front_ring<Message, Message>;
template <class Message>
using back = xenring::ring::back_ring<Message, Message>;

template <class Message>
unsigned serve(back<Message>& ring) {
    unsigned served = 0;
    while (auto request = ring.pop()) {
        request->number = ~request->number;
        if (!ring.push(*request))
            throw std::runtime_error{"no room for a response"};
        ++served;
    }
    if (ring.fault() != xenring::ring::fault::none)
        throw std::runtime_error{describe(ring.fault())};
    return served;
}

template <class Message>
unsigned collect(front<Message>& ring, std::uint64_t& sum) {
    unsigned taken = 0;
    for (; const auto response = ring.pop(); ++taken)
        sum += response->number;
    if (ring.fault() != xenring::ring::fault::none)
        throw std::runtime_error{describe(ring.fault())};
    return taken;
}

template <class Message>
std::uint64_t our_pairs(std::span<std::byte> memory, const job& what) {
    auto asking = front<Message>::initialise(memory);
    auto serving = back<Message>::attach(memory);
    std::uint64_t sum = 0;
    for (std::uint64_t done = 0; done < what.count; done += what.batch) {
        for (unsigned i = 0; i != what.batch; ++i)
            (void)asking.push(Message{done + i, {}});
        (void)asking.publish();
        serve(serving);
        (void)serving.publish();
        collect(asking, sum);
    }
    return sum;
}

template <class Message>
std::uint64_t our_threads(std::span<std::byte> memory, const job& what) {
    auto asking = front<Message>::initialise(memory);
    const auto other = beside([memory, count = what.count] {
        auto ring = back<Message>::attach(memory);
        for (std::uint64_t served = 0; served < count;)
            if (const auto now = serve(ring)) {
                served += now;
                (void)ring.publish();
            }
    });
    std::uint64_t sum = 0;
    for (std::uint64_t sent = 0, received = 0; received < what.count;) {
        for (unsigned i = 0; i != what.batch && sent != what.count; ++i, ++sent)
            if (!asking.push(Message{sent, {}}))
                break;
        (void)asking.publish();
        received += collect(asking, sum);
    }
    return sum;
}

struct xen_loops {
    void (*initialise)(void*, std::size_t);
    std::uint64_t (*pairs)(void*, std::size_t, std::uint64_t, unsigned);
    std::uint64_t (*ask)(void*, std::size_t, std::uint64_t, unsigned);
    void (*serve)(void*, std::size_t, std::uint64_t);
};
template <class Message>
constexpr xen_loops xen = sizeof(Message) == 16
                              ? xen_loops{xen16_initialise, xen16_pairs, xen16_front, xen16_back}
                              : xen_loops{xen64_initialise, xen64_pairs, xen64_front, xen64_back};

template <class Message>
std::uint64_t xen_threads(std::span<std::byte> memory, const job& what) {
    xen<Message>.initialise(memory.data(), memory.size());
    const auto other = beside(
        [memory, count = what.count] { xen<Message>.serve(memory.data(), memory.size(), count); });
    return xen<Message>.ask(memory.data(), memory.size(), what.count, what.batch);
}

template <class Message>
std::uint64_t boost_one_way(const job& what) {
    boost::lockfree::spsc_queue<Message, boost::lockfree::capacity<slots>> queue;
    std::uint64_t sum = 0;
    {
        const auto other = beside([&queue, &sum, count = what.count] {
            for (std::uint64_t taken = 0; taken != count;)
                taken +=
                    queue.consume_all([&sum](const Message& message) { sum += ~message.number; });
        });
        for (std::uint64_t sent = 0; sent != what.count;)
            sent += queue.push(Message{sent, {}});
    }
    return sum;
}

template <class Message>
std::uint64_t run(const job& what) {
    const std::size_t bytes = 64 + slots * sizeof(Message);
    const std::unique_ptr<std::byte, decltype(&std::free)> page{
        static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)),
        &std::free};
    const std::span memory{page.get(), bytes};
    const bool two = what.what == "threads" || what.what == "one-way";
    if (what.subject == "ours")
        return two ? our_threads<Message>(memory, what) : our_pairs<Message>(memory, what);
    if (what.subject == "xen")
        return two ? xen_threads<Message>(memory, what)
                   : xen<Message>.pairs(memory.data(), bytes, what.count, what.batch);
    return boost_one_way<Message>(what);
}

/// That of the complements of all numbers below the count.
std::uint64_t expected_sum(std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i != count; ++i)
        sum += ~i;
    return sum;
}

} // namespace

int main(int argc, char** argv) try {
    const std::string size = argc == 6 ? argv[3] : "";
    if (size != "16" && size != "64")
        throw std::runtime_error{"usage: ring_bench ours|xen|boost pairs|threads|one-way 16|64 "
                                 "BATCH COUNT"};
    job what{argv[1], argv[2], std::stoull(argv[5]), static_cast<unsigned>(std::stoul(argv[4]))};
    what.batch = std::clamp<unsigned>(what.batch, 1, slots);
    what.count = std::max<std::uint64_t>(what.batch, what.count / what.batch * what.batch);
    use_cpu(0);
    const auto began = std::chrono::steady_clock::now();
    const auto sum = size == "16" ? run<message16>(what) : run<message64>(what);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - began;
    if (sum != expected_sum(what.count))
        throw std::runtime_error{"not everything came through"};
    std::printf("%.3f\n", time.count() / static_cast<double>(what.count));
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "ring_bench: %s\n", wrong.what());
    return 1;
}
