// ring_bench ours|ring.h pairs|threads|round-trip tx|rx|blk BATCH COUNT: prints nanoseconds for one
// request and its response.
//
//     pairs        one thread as both domains: a batch of requests, then its responses
//     threads      two threads that poll, each on a CPU of its own
//     round-trip   the same, one request at a time: median and percentiles
//     tx, rx, blk  the slots of netif's rings, and one as large as blkif's (messages.h)
//     BATCH        requests between two publications
//
// Every ring has 256 slots. What was received is added up and checked, and each side checks at each
// publication whether to notify.
#include "messages.h"
#include "pinned.hpp"

#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace xenring::ring {

template <>
inline constexpr members<&tx_request::gref, &tx_request::offset, &tx_request::flags,
                         &tx_request::id, &tx_request::size>
    members_of<tx_request>{};
template <>
inline constexpr members<&tx_response::id, &tx_response::status> members_of<tx_response>{};
template <>
inline constexpr members<&rx_request::id, &rx_request::pad, &rx_request::gref>
    members_of<rx_request>{};
template <>
inline constexpr members<&rx_response::id, &rx_response::offset, &rx_response::flags,
                         &rx_response::status>
    members_of<rx_response>{};
template <>
inline constexpr members<&blk_response::id, &blk_response::operation, &blk_response::pad,
                         &blk_response::status, &blk_response::more_pad>
    members_of<blk_response>{};

} // namespace xenring::ring

namespace {

using namespace xenring::bench;

constexpr std::size_t slots = 256;

struct job {
    std::string what;
    unsigned batch;
    std::uint64_t count;
};

/// The C functions of a kind of message, ours and ring.h's, for templates.
#define KIND(kind)                                                                                 \
    struct kind {                                                                                  \
        using request = kind##_request;                                                            \
        using response = kind##_response;                                                          \
        static constexpr auto fill = kind##_fill;                                                  \
        static constexpr auto answer = kind##_answer;                                              \
        static constexpr auto value = kind##_value;                                                \
        static constexpr auto xen_initialise = xen_##kind##_initialise;                            \
        static constexpr auto xen_pairs = xen_##kind##_pairs;                                      \
        static constexpr auto xen_front = xen_##kind##_front;                                      \
        static constexpr auto xen_round_trips = xen_##kind##_round_trips;                          \
        static constexpr auto xen_back = xen_##kind##_back;                                        \
    }
KIND(tx);
KIND(rx);
KIND(blk);
#undef KIND

/// Both halves of a ring as a program uses them.
template <class Kind>
struct ours {
    using front = xenring::ring::front_ring<typename Kind::request, typename Kind::response>;
    using back = xenring::ring::back_ring<typename Kind::request, typename Kind::response>;

    static std::size_t ask(front& ring, std::uint64_t number, std::size_t most) {
        return ring.push_each(most, [&number] {
            typename Kind::request request;
            Kind::fill(&request, number++);
            return request;
        });
    }

    static std::size_t serve(back& ring) {
        return ring.answer_each(slots, [](const typename Kind::request& request) {
            typename Kind::response response;
            Kind::answer(&request, &response);
            return response;
        });
    }

    static std::size_t collect(front& ring, std::uint64_t& sum) {
        return ring.pop_each(slots, [&sum](const typename Kind::response& response) {
            sum += Kind::value(&response);
        });
    }

    /// One at a time, by the calls for a single message: there is never a second one to look for.
    [[gnu::noinline]] static std::uint64_t single_pairs(std::span<std::byte> memory,
                                                        std::uint64_t count) {
        auto asking = front::initialise(memory);
        auto serving = back::attach(memory);
        typename Kind::request request;
        typename Kind::response response;
        std::uint64_t sum = 0;
        for (std::uint64_t number = 0; number != count; ++number) {
            Kind::fill(&request, number);
            (void)asking.push(request);
            sum += asking.publish();
            if (serving.pop(request)) {
                Kind::answer(&request, &response);
                (void)serving.push(response);
            }
            sum += serving.publish();
            if (asking.pop(response))
                sum += Kind::value(&response);
        }
        return sum;
    }

    [[gnu::noinline]] static std::uint64_t pairs(std::span<std::byte> memory, std::uint64_t count,
                                                 unsigned batch) {
        if (batch == 1)
            return single_pairs(memory, count);
        auto asking = front::initialise(memory);
        auto serving = back::attach(memory);
        std::uint64_t sum = 0;
        for (std::uint64_t done = 0; done < count; done += batch) {
            ask(asking, done, batch);
            sum += asking.publish();
            serve(serving);
            sum += serving.publish();
            collect(asking, sum);
        }
        return sum;
    }

    [[gnu::noinline]] static std::uint64_t run_front(std::span<std::byte> memory,
                                                     std::uint64_t count, unsigned batch) {
        auto ring = front::attach(memory, 0);
        std::uint64_t sum = 0;
        for (std::uint64_t sent = 0, received = 0; received < count;) {
            sent += ask(ring, sent, std::min<std::uint64_t>(batch, count - sent));
            sum += ring.publish();
            received += collect(ring, sum);
        }
        return sum;
    }

    [[gnu::noinline]] static std::uint64_t
    run_round_trips(std::span<std::byte> memory, std::uint64_t count, round_trips& times) {
        auto ring = front::attach(memory, 0);
        std::uint64_t sum = 0;
        for (std::uint64_t sent = 0; sent != count; ++sent) {
            ask(ring, sent, 1);
            sum += ring.publish();
            while (collect(ring, sum) == 0)
                ;
            times.lap();
        }
        return sum;
    }

    [[gnu::noinline]] static unsigned run_back(std::span<std::byte> memory, std::uint64_t count) {
        auto ring = back::attach(memory);
        unsigned notified = 0;
        for (std::uint64_t served = 0; served < count;) {
            served += serve(ring);
            notified += ring.publish();
        }
        return notified;
    }
};

template <class Kind>
struct xen {
    [[gnu::noinline]] static std::uint64_t pairs(std::span<std::byte> memory, std::uint64_t count,
                                                 unsigned batch) {
        return Kind::xen_pairs(memory.data(), memory.size(), count, batch);
    }
    [[gnu::noinline]] static std::uint64_t run_front(std::span<std::byte> memory,
                                                     std::uint64_t count, unsigned batch) {
        return Kind::xen_front(memory.data(), memory.size(), count, batch);
    }
    [[gnu::noinline]] static std::uint64_t
    run_round_trips(std::span<std::byte> memory, std::uint64_t count, round_trips& times) {
        return Kind::xen_round_trips(
            memory.data(), memory.size(), count,
            [](void* argument) { static_cast<round_trips*>(argument)->lap(); }, &times);
    }
    [[gnu::noinline]] static unsigned run_back(std::span<std::byte> memory, std::uint64_t count) {
        return Kind::xen_back(memory.data(), memory.size(), count);
    }
};

/// What a front reads of all responses, without a ring.
template <class Kind>
std::uint64_t expected(std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t number = 0; number != count; ++number) {
        typename Kind::request request;
        typename Kind::response response;
        Kind::fill(&request, number);
        Kind::answer(&request, &response);
        sum += Kind::value(&response);
    }
    return sum;
}

void check(bool right) {
    if (!right)
        throw std::runtime_error{"not everything came through, or a notification did not"};
}

/// A fresh ring notifies of its first message, each way; then nobody asks any more.
template <class Kind, template <class> class Subject>
void run(std::span<std::byte> memory, const job& what) {
    Kind::xen_initialise(memory.data(), memory.size());
    std::uint64_t sum = 0;
    if (what.what == "pairs") {
        print_time_of(what.count,
                      [&] { sum = Subject<Kind>::pairs(memory, what.count, what.batch); });
        return check(sum == expected<Kind>(what.count) + 2);
    }
    const auto other = beside([&] { check(Subject<Kind>::run_back(memory, what.count) == 1); });
    if (what.what == "threads") {
        print_time_of(what.count,
                      [&] { sum = Subject<Kind>::run_front(memory, what.count, what.batch); });
    } else {
        round_trips times(what.count);
        sum = Subject<Kind>::run_round_trips(memory, what.count, times);
        times.print();
    }
    check(sum == expected<Kind>(what.count) + 1);
}

template <class Kind>
void run(std::string_view subject, const job& what) {
    const std::size_t bytes =
        64 + slots * std::max(sizeof(typename Kind::request), sizeof(typename Kind::response));
    const std::size_t room = (bytes + 4095) / 4096 * 4096;
    const std::unique_ptr<std::byte, decltype(&std::free)> page{
        static_cast<std::byte*>(std::aligned_alloc(4096, room)), &std::free};
    std::memset(page.get(), 0, room);
    const std::span memory{page.get(), bytes};
    subject == "ours" ? run<Kind, ours>(memory, what) : run<Kind, xen>(memory, what);
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 5)
        throw std::runtime_error{
            "usage: ring_bench ours|ring.h pairs|threads|round-trip tx|rx|blk BATCH COUNT"};
    job what{words[1], static_cast<unsigned>(std::stoul(words[3])), std::stoull(words[4])};
    what.batch = std::clamp<unsigned>(what.batch, 1, slots);
    what.count = std::max<std::uint64_t>(what.batch, what.count / what.batch * what.batch);
    use_cpu(0);
    if (words[2] == "tx")
        run<tx>(words[0], what);
    else if (words[2] == "rx")
        run<rx>(words[0], what);
    else
        run<blk>(words[0], what);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "ring_bench: %s\n", wrong.what());
    return 1;
}
