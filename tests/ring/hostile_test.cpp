// A peer that scribbles over the shared page while we use it. Whatever it writes: every call
// returns, nothing outside the memory is touched (it lies between forbidden pages, and the build
// with sanitizers watches the rest), and the ring ends in a named fault.
#include "guarded_memory.hpp"
#include "messages.hpp"

#include <xenring/ring/request_ring.hpp>
#include <xenring/ring/vchan_endpoint.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ostream>
#include <random>
#include <string>
#include <thread>

namespace xenring::ring {
namespace {

using test::request;
using test::response;

/// What the hostile peer writes into one word of the page.
enum class habit { random, ones, flip_flop, creep };

std::uint32_t next_word(habit how, std::mt19937& random, std::uint32_t step) {
    switch (how) {
    case habit::random:
        return static_cast<std::uint32_t>(random());
    case habit::ones:
        return 0xffffffffu;
    case habit::flip_flop:
        return step % 2;
    case habit::creep: // believable for a while, then not
        return step / 64;
    }
    return 0;
}

/// Writes into the first `words` words of a page until it is destroyed. Peers write without any
/// regard to our memory model, hence volatile and no atomics.
class scribbler {
public:
    scribbler(std::span<std::byte> page, std::size_t words, habit how)
        : thread_([this, page, words, how] {
              std::mt19937 random(1);
              auto* word = reinterpret_cast<volatile std::uint32_t*>(page.data());
              for (std::uint32_t step = 0; !stop_; ++step)
                  word[random() % words] = next_word(how, random, step);
          }) {}
    ~scribbler() {
        stop_ = true;
        thread_.join();
    }
    scribbler(const scribbler&) = delete;
    scribbler& operator=(const scribbler&) = delete;

private:
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

bool peers_fault(fault why) {
    return why == fault::producer_overrun || why == fault::consumer_overrun ||
           why == fault::index_went_back || why == fault::unexpected_response ||
           why == fault::bad_live_byte;
}

class Hostile : public testing::TestWithParam<habit> {};

constexpr std::size_t whole_page = 1024;

TEST_P(Hostile, AFrontEndsInANamedFault) {
    test::guarded_memory memory;
    auto ring = front_ring<request, response>::initialise(memory.bytes());
    const scribbler peer(memory.bytes(), whole_page, GetParam());
    std::uint32_t sum = 0;
    while (ring.fault() == fault::none) {
        (void)ring.push({});
        (void)ring.publish();
        for (std::size_t n = 0; n != ring.capacity() + 1; ++n)
            if (const auto answer = ring.pop())
                sum += answer->id;
        (void)ring.arm();
        ASSERT_LE(ring.available(), ring.capacity());
        ASSERT_LE(ring.in_flight(), ring.capacity());
    }
    EXPECT_TRUE(peers_fault(ring.fault())) << describe(ring.fault()) << sum;
}

TEST_P(Hostile, ABackEndsInANamedFault) {
    test::guarded_memory memory;
    (void)front_ring<request, response>::initialise(memory.bytes());
    auto ring = back_ring<request, response>::attach(memory.bytes());
    const scribbler peer(memory.bytes(), whole_page, GetParam());
    while (ring.fault() == fault::none) {
        if (const auto asked = ring.pop())
            (void)ring.push({asked->id, 0});
        (void)ring.publish();
        (void)ring.arm();
        ASSERT_LE(ring.available(), ring.capacity());
        ASSERT_LE(ring.free(), ring.capacity());
    }
    EXPECT_TRUE(peers_fault(ring.fault())) << describe(ring.fault());
}

TEST_P(Hostile, AFrontWithBatchesEndsInANamedFault) {
    test::guarded_memory memory;
    auto ring = front_ring<request, response>::initialise(memory.bytes());
    const scribbler peer(memory.bytes(), whole_page, GetParam());
    std::uint32_t sum = 0;
    for (std::size_t most = 0; ring.fault() == fault::none; most = (most + 1) % 300) {
        ASSERT_LE(ring.push_each(most, [] { return request{}; }), most);
        (void)ring.publish();
        std::size_t used = 0;
        const auto count = ring.pop_each(most, [&](const response& answer) {
            sum += answer.id;
            ++used;
        });
        ASSERT_EQ(count, used);
        ASSERT_LE(count, std::min(most, ring.capacity()));
        ASSERT_LE(ring.in_flight(), ring.capacity());
    }
    EXPECT_TRUE(peers_fault(ring.fault())) << describe(ring.fault()) << sum;
}

TEST_P(Hostile, ABackWithBatchesEndsInANamedFault) {
    test::guarded_memory memory;
    (void)front_ring<request, response>::initialise(memory.bytes());
    auto ring = back_ring<request, response>::attach(memory.bytes());
    const scribbler peer(memory.bytes(), whole_page, GetParam());
    for (std::size_t most = 0; ring.fault() == fault::none; most = (most + 1) % 300) {
        const auto answered = ring.answer_each(most, [](const request& asked) {
            return response{asked.id, 0};
        });
        ASSERT_LE(answered, std::min(most, ring.capacity()));
        const auto popped = ring.pop_each(most, [](const request&) {});
        ASSERT_LE(ring.push_each(popped / 2, [] { return response{}; }), popped);
        (void)ring.publish();
        ASSERT_LE(ring.free(), ring.capacity());
    }
    EXPECT_TRUE(peers_fault(ring.fault())) << describe(ring.fault());
}

TEST_P(Hostile, AVchanServerEndsInANamedFault) {
    test::guarded_memory memory;
    vchan_page page{memory.first_page()};
    ASSERT_EQ(page.initialise({10, 11}, {}), fault::none);
    vchan_output out{page, vchan_role::server, page.ring_in_page(11)};
    vchan_input in{page, vchan_role::server, page.ring_in_page(10)};
    const scribbler peer(memory.bytes(), whole_page, GetParam());
    std::array<std::byte, 4096> copy;
    while (in.fault() == fault::none || out.fault() == fault::none) {
        const byte_spans space = out.prepare(300);
        ASSERT_LE(space.size(), out.capacity());
        copy_bytes_in(space.first, copy);
        copy_bytes_in(space.second, copy);
        out.commit(space.size());
        (void)out.publish();
        (void)out.arm(200);
        (void)out.peer_open();
        const const_byte_spans data = in.data(300);
        ASSERT_LE(data.size(), in.capacity());
        copy_bytes_out(copy, data.first);
        copy_bytes_out(copy, data.second);
        in.consume(data.size());
        (void)in.publish();
        (void)in.arm(200);
        (void)in.ended();
    }
    EXPECT_TRUE(peers_fault(in.fault())) << describe(in.fault());
    EXPECT_TRUE(peers_fault(out.fault())) << describe(out.fault());
}

TEST_P(Hostile, AClientJudgesAChangingPageByOneCopy) {
    test::guarded_memory memory;
    vchan_page page{memory.first_page()};
    const scribbler peer(memory.bytes(), 8, GetParam());
    for (int n = 0; n != 20000; ++n) {
        const vchan_geometry seen = page.geometry();
        const bool accepted = check_vchan_geometry(seen) == fault::none;
        ASSERT_LE(accepted ? vchan_reference_count(seen) : 0, 512u);
        (void)page.peer_live(vchan_role::client);
        (void)page.mark_client_seen();
    }
}

/// What gtest prints for a parameter.
void PrintTo(habit, std::ostream* to) {
    *to << "habit";
}

std::string name_of(const testing::TestParamInfo<habit>& of) {
    switch (of.param) {
    case habit::random:
        return "Random";
    case habit::ones:
        return "Ones";
    case habit::flip_flop:
        return "FlipFlop";
    case habit::creep:
        return "Creep";
    }
    return "Unknown";
}

INSTANTIATE_TEST_SUITE_P(Peer, Hostile,
                         testing::Values(habit::random, habit::ones, habit::flip_flop,
                                         habit::creep),
                         name_of);

} // namespace
} // namespace xenring::ring
