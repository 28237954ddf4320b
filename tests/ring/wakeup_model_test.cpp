// No wake-up is lost, in any order of steps and with any delay of stores: the rings' own code runs
// on the explorer's memory. And what keeps it so is needed: without either fence, or without the
// second look after arming, the explorer finds a domain that sleeps for ever.
#include "model/explorer.hpp"

#include <xenring/ring/request_ring.hpp>
#include <xenring/ring/vchan_endpoint.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace xenring::ring {
namespace {

/// Whether a domain that armed believes what arm() returned, or just sleeps.
enum class after_arming { look_again, sleep };

template <class Half>
void sleep_until_notified(Half& half, after_arming habit) {
    const bool arrived = half.arm();
    if (!arrived || habit == after_arming::sleep)
        model::wait();
}

alignas(8) std::array<std::byte, page_size> page_memory;

/// The client writes `count` bytes, one at a time, into a ring of two; the server reads them.
struct vchan_scenario final : model::scenario {
    explicit vchan_scenario(after_arming habit_) : habit(habit_) {
        std::memset(page_memory.data(), 0, 128);
    }

    void run(int domain) override { domain == 0 ? write() : read(); }

    void write() {
        vchan_output half{vchan_page{page_memory}, vchan_role::client, ring()};
        for (int n = 0; n != count; ++n) {
            while (half.prepare(1).empty())
                sleep_until_notified(half, habit);
            half.commit(1);
            if (half.publish())
                model::notify();
        }
        EXPECT_EQ(half.fault(), fault::none);
    }

    void read() {
        vchan_input half{vchan_page{page_memory}, vchan_role::server, ring()};
        for (std::size_t got = 0; got != count;) {
            const std::size_t there = half.data().size();
            if (there == 0) {
                sleep_until_notified(half, habit);
                continue;
            }
            got += there;
            half.consume(there);
            if (half.publish())
                model::notify();
        }
        EXPECT_EQ(half.fault(), fault::none);
    }

    std::span<const std::byte> shared() const override {
        return std::span(page_memory).first(vchan_references_offset);
    }
    static std::span<std::byte> ring() { return std::span(page_memory).subspan(1024, 2); }

    static constexpr int count = 3;
    after_arming habit;
};

/// The front sends `count` requests through a ring of two slots and waits for their responses.
struct request_scenario final : model::scenario {
    using front = front_ring<std::uint64_t, std::uint64_t>;
    using back = back_ring<std::uint64_t, std::uint64_t>;

    explicit request_scenario(after_arming habit_) : habit(habit_) {
        std::memset(page_memory.data(), 0, 128);
        (void)front::initialise(memory());
    }

    void run(int domain) override { domain == 0 ? ask() : answer(); }

    void ask() {
        front ring = front::attach(memory(), 0);
        for (int sent = 0, received = 0; received != count;) {
            while (sent != count && ring.push(7))
                ++sent;
            if (ring.publish())
                model::notify();
            const int before = received;
            while (ring.pop())
                ++received;
            if (received == before)
                sleep_until_notified(ring, habit);
        }
        EXPECT_EQ(ring.fault(), fault::none);
    }

    void answer() {
        back ring = back::attach(memory(), 0);
        for (int answered = 0; answered != count;) {
            const auto asked = ring.pop();
            if (!asked) {
                sleep_until_notified(ring, habit);
                continue;
            }
            ASSERT_TRUE(ring.push(*asked));
            ++answered;
            if (ring.publish())
                model::notify();
        }
        EXPECT_EQ(ring.fault(), fault::none);
    }

    std::span<const std::byte> shared() const override { return std::span(page_memory).first(16); }
    static std::span<std::byte> memory() { return std::span(page_memory).first(64 + 2 * 8); }

    static constexpr int count = 3;
    after_arming habit;
};

template <class Scenario>
model::outcome explore(after_arming habit, model::mutation without = {}) {
    return model::explore([habit] { return std::make_unique<Scenario>(habit); }, without);
}

template <class Scenario>
class WakeUp : public testing::Test {};
using scenarios = testing::Types<vchan_scenario, request_scenario>;
TYPED_TEST_SUITE(WakeUp, scenarios);

TYPED_TEST(WakeUp, IsNeverLost) {
    const auto found = explore<TypeParam>(after_arming::look_again);
    EXPECT_FALSE(found.lost_wake_up);
    EXPECT_GT(found.states, 1000u);
    this->RecordProperty("states", int(found.states));
}

TYPED_TEST(WakeUp, IsLostWithoutTheFenceAfterPublishing) {
    EXPECT_TRUE(
        explore<TypeParam>(after_arming::look_again, {.no_fence_after_index = true}).lost_wake_up);
}

TYPED_TEST(WakeUp, IsLostWithoutTheFenceAfterArming) {
    EXPECT_TRUE(explore<TypeParam>(after_arming::look_again, {.no_fence_after_request = true})
                    .lost_wake_up);
}

TYPED_TEST(WakeUp, IsLostWithoutTheSecondLook) {
    EXPECT_TRUE(explore<TypeParam>(after_arming::sleep).lost_wake_up);
}

} // namespace
} // namespace xenring::ring
