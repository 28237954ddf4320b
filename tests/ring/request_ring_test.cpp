#include "guarded_memory.hpp"
#include "messages.hpp"

#include <xenring/ring/request_ring.hpp>

#include <gtest/gtest.h>

#include <cstring>

namespace xenring::ring {
namespace {

using test::request;
using test::response;
using front = front_ring<request, response>;
using back = back_ring<request, response>;
using header = request_ring_header<std::uint32_t>;

class RequestRing : public testing::Test {
protected:
    header& shared() { return *reinterpret_cast<header*>(memory.bytes().data()); }

    /// `count` requests sent and taken by the back.
    void send(std::uint16_t count) {
        for (std::uint16_t id = 0; id != count; ++id)
            ASSERT_TRUE(f.push({1, 2, 3, id, 5}));
        (void)f.publish();
        for (std::uint16_t id = 0; id != count; ++id)
            ASSERT_TRUE(b.pop());
    }

    test::guarded_memory memory;
    front f = front::initialise(memory.bytes());
    back b = back::attach(memory.bytes());
};

TEST_F(RequestRing, PushIsInvisibleUntilPublish) {
    ASSERT_TRUE(f.push({1, 2, 3, 4, 5}));
    EXPECT_EQ(f.unpublished(), 1u);
    EXPECT_FALSE(b.pop());
    EXPECT_TRUE(f.publish());
    EXPECT_EQ(b.pop(), (request{1, 2, 3, 4, 5}));
    EXPECT_FALSE(f.publish()) << "nothing new, nobody to tell";
}

TEST_F(RequestRing, AFullRingRefusesTheNextRequestUntilAResponseIsPopped) {
    const auto capacity = static_cast<std::uint16_t>(f.capacity());
    send(capacity);
    EXPECT_FALSE(f.push({}));
    EXPECT_EQ(f.free(), 0u);
    EXPECT_EQ(f.in_flight(), capacity);
    EXPECT_EQ(b.in_flight(), capacity);
    ASSERT_TRUE(b.push({7, -1}));
    (void)b.publish();
    EXPECT_FALSE(f.push({})) << "the slot still holds the response";
    EXPECT_EQ(f.pop(), (response{7, -1}));
    EXPECT_TRUE(f.push({}));
}

TEST_F(RequestRing, ABackCannotAnswerWhatWasNotAsked) {
    EXPECT_FALSE(b.push({}));
    send(1);
    EXPECT_TRUE(b.push({}));
    EXPECT_FALSE(b.push({}));
}

TEST_F(RequestRing, NotifiesOnlyWhoAskedAndOncePerArming) {
    send(1); // consumed the first wish, event was 1
    EXPECT_TRUE(f.push({}));
    EXPECT_FALSE(f.publish());
    ASSERT_TRUE(b.pop());
    EXPECT_FALSE(b.arm());
    EXPECT_TRUE(f.push({}));
    EXPECT_TRUE(f.publish());
    EXPECT_TRUE(f.push({}));
    EXPECT_FALSE(f.publish());
}

TEST_F(RequestRing, ArmingForSeveralMessagesNotifiesAtTheLastOfThem) {
    EXPECT_FALSE(b.arm(3));
    for (int n = 0; n != 2; ++n) {
        EXPECT_TRUE(f.push({}));
        EXPECT_FALSE(f.publish());
    }
    EXPECT_TRUE(f.push({}));
    EXPECT_TRUE(f.publish());
    EXPECT_TRUE(b.arm(3)) << "three are there";
    EXPECT_FALSE(b.arm(4));
}

TEST_F(RequestRing, ArmSaysWhatArrivedMeanwhile) {
    EXPECT_TRUE(f.push({}));
    (void)f.publish();
    EXPECT_TRUE(b.arm());
}

TEST_F(RequestRing, TooManyRequestsPoisonTheBack) {
    shared().req_prod = static_cast<std::uint32_t>(b.capacity() + 1);
    EXPECT_FALSE(b.pop());
    EXPECT_EQ(b.fault(), fault::producer_overrun);
}

TEST_F(RequestRing, RequestsInSlotsOfUnansweredOnesPoisonTheBack) {
    send(3);
    shared().req_prod = static_cast<std::uint32_t>(b.capacity() + 1);
    EXPECT_FALSE(b.pop());
    EXPECT_EQ(b.fault(), fault::producer_overrun);
}

TEST_F(RequestRing, ARingFullOfRequestsIsLegal) {
    send(3);
    shared().req_prod = static_cast<std::uint32_t>(b.capacity());
    EXPECT_EQ(b.available(), b.capacity() - 3);
    EXPECT_EQ(b.fault(), fault::none);
}

TEST_F(RequestRing, AResponseToNothingPoisonsTheFront) {
    shared().rsp_prod = 1;
    EXPECT_FALSE(f.pop());
    EXPECT_EQ(f.fault(), fault::unexpected_response);
}

TEST_F(RequestRing, AResponseToAnUnpublishedRequestPoisonsTheFront) {
    ASSERT_TRUE(f.push({}));
    shared().rsp_prod = 1;
    EXPECT_FALSE(f.pop());
    EXPECT_EQ(f.fault(), fault::unexpected_response);
}

TEST_F(RequestRing, MoreResponsesThanTheRingHoldsPoisonTheFront) {
    send(3);
    shared().rsp_prod = static_cast<std::uint32_t>(f.capacity() + 1);
    EXPECT_EQ(f.available(), 0u);
    EXPECT_EQ(f.fault(), fault::producer_overrun);
}

TEST_F(RequestRing, AnIndexThatGoesBackPoisons) {
    EXPECT_TRUE(f.push({}));
    EXPECT_TRUE(f.push({}));
    (void)f.publish();
    EXPECT_EQ(b.available(), 2u);
    shared().req_prod = 1;
    EXPECT_EQ(b.available(), 0u);
    EXPECT_EQ(b.fault(), fault::index_went_back);
}

TEST_F(RequestRing, NothingMovesOncePoisoned) {
    send(2);
    f.poison(fault::unexpected_response);
    f.poison(fault::bad_order);
    EXPECT_EQ(f.fault(), fault::unexpected_response) << "the first fault is kept";
    const header before = shared();
    EXPECT_FALSE(f.push({}));
    EXPECT_FALSE(f.publish());
    EXPECT_FALSE(f.pop());
    EXPECT_EQ(f.push_each(3, [] { return request{}; }), 0u);
    EXPECT_EQ(f.pop_each(3, [](const response&) { FAIL() << "there is nothing to take"; }), 0u);
    EXPECT_TRUE(f.arm()) << "do not sleep, look at the fault";
    EXPECT_EQ(f.free(), 0u);
    EXPECT_EQ(std::memcmp(&before, &shared(), sizeof before), 0);
}

TEST_F(RequestRing, OwnIndicesInThePageAreNeverBelieved) {
    send(2);
    ASSERT_TRUE(b.push({9, 9}));
    (void)b.publish();
    shared().req_prod = 1000; // the front's own word, overwritten by the peer
    EXPECT_EQ(f.pop(), (response{9, 9}));
    ASSERT_TRUE(f.push({}));
    (void)f.publish();
    EXPECT_EQ(shared().req_prod, 3u);
    EXPECT_EQ(f.fault(), fault::none);
}

TEST_F(RequestRing, ACopyDoesNotChangeWithTheSlot) {
    ASSERT_TRUE(f.push({1, 2, 3, 4, 5}));
    (void)f.publish();
    const auto taken = b.pop();
    std::memset(memory.bytes().data() + 64, 0xff, 64);
    EXPECT_EQ(taken, (request{1, 2, 3, 4, 5}));
}

TEST_F(RequestRing, AResponseWritesNoByteBeyondItself) {
    send(1);
    std::memset(memory.bytes().data() + 64, 0xee, 12);
    ASSERT_TRUE(b.push({1, 1}));
    for (std::size_t i = 64 + sizeof(response); i != 64 + sizeof(request); ++i)
        EXPECT_EQ(memory.bytes()[i], std::byte{0xee});
}

TEST_F(RequestRing, ABatchEndsWhereRoomEnds) {
    std::uint16_t id = 0;
    const auto make = [&id]() -> request { return {1, 2, 3, id++, 5}; };
    EXPECT_EQ(f.push_each(0, make), 0u);
    EXPECT_EQ(f.push_each(3, make), 3u);
    EXPECT_EQ(f.push_each(1000, make), f.capacity() - 3);
    EXPECT_EQ(f.push_each(1, make), 0u);
    EXPECT_EQ(id, f.capacity()) << "called for each message and no more";
    EXPECT_EQ(f.unpublished(), f.capacity());
}

TEST_F(RequestRing, ABatchEndsWhereMessagesEnd) {
    std::uint16_t next = 0;
    const auto use = [&next](const request& taken) {
        EXPECT_EQ(taken, (request{1, 2, 3, next, 5}));
        ++next;
    };
    EXPECT_EQ(b.pop_each(5, use), 0u);
    for (std::uint16_t id = 0; id != 5; ++id)
        ASSERT_TRUE(f.push({1, 2, 3, id, 5}));
    EXPECT_EQ(b.pop_each(5, use), 0u) << "not published";
    (void)f.publish();
    EXPECT_EQ(b.pop_each(2, use), 2u);
    EXPECT_EQ(b.pop_each(1000, use), 3u);
    EXPECT_EQ(next, 5u);
    EXPECT_EQ(b.in_flight(), 5u);
}

TEST_F(RequestRing, ABatchLooksAtTheIndexOnlyForMoreThanIsKnown) {
    const auto ignore = [](const request&) {};
    for (int n = 0; n != 4; ++n)
        ASSERT_TRUE(f.push({}));
    (void)f.publish();
    ASSERT_EQ(b.available(), 4u);
    shared().req_prod = 99999;
    EXPECT_EQ(b.pop_each(3, ignore), 3u);
    EXPECT_EQ(b.fault(), fault::none);
    EXPECT_EQ(b.pop_each(2, ignore), 0u);
    EXPECT_EQ(b.fault(), fault::producer_overrun);
}

TEST_F(RequestRing, RequestsThatArriveDuringABatchAreOfTheNext) {
    ASSERT_TRUE(f.push({1, 2, 3, 4, 5}));
    (void)f.publish();
    const auto answer = [&](const request& taken) {
        EXPECT_TRUE(f.push({1, 2, 3, 5, 5}));
        (void)f.publish();
        return response{taken.id, 1};
    };
    EXPECT_EQ(b.answer_each(1000, answer), 1u);
    EXPECT_EQ(b.unpublished(), 1u);
    EXPECT_EQ(b.answer_each(1000, answer), 1u);
    (void)b.publish();
    EXPECT_EQ(f.pop(), (response{4, 1}));
    EXPECT_EQ(f.pop(), (response{5, 1}));
}

TEST(RequestRingMemory, TooSmallOrMisalignedMemoryIsAFault) {
    test::guarded_memory memory;
    std::memset(memory.bytes().data(), 0x11, 128);
    EXPECT_EQ(front::initialise(memory.bytes().first(64 + 11)).fault(), fault::unusable_memory);
    EXPECT_EQ(front::initialise(memory.bytes().subspan(4)).fault(), fault::unusable_memory);
    EXPECT_EQ(back::attach(memory.bytes().first(0)).fault(), fault::unusable_memory);
    EXPECT_EQ(memory.bytes()[0], std::byte{0x11}) << "nothing was written";
    front one = front::initialise(memory.bytes().first(64 + 12));
    EXPECT_EQ(one.fault(), fault::none);
    EXPECT_EQ(one.capacity(), 1u);
    front none = front::initialise({});
    EXPECT_FALSE(none.push({}));
    EXPECT_FALSE(none.pop());
}

TEST(RequestRingMemory, AttachedHalvesGoOnAcrossTheEndOfTheIndex) {
    test::guarded_memory memory;
    const std::uint32_t start = 0xfffffff0u;
    const std::uint32_t words[] = {start, start + 1, start, start + 1};
    std::memcpy(memory.bytes().data(), words, sizeof words);
    front f = front::attach(memory.bytes(), start);
    back b = back::attach(memory.bytes());
    for (std::uint32_t n = 0; n != 1000; ++n) {
        ASSERT_TRUE(f.push({n, 0, 0, 0, 0}));
        EXPECT_TRUE(f.publish());
        const auto taken = b.pop();
        ASSERT_TRUE(taken);
        EXPECT_EQ(taken->gref, n);
        EXPECT_FALSE(b.arm());
        ASSERT_TRUE(b.push({static_cast<std::uint16_t>(n), 0}));
        EXPECT_TRUE(b.publish());
        ASSERT_TRUE(f.pop());
        EXPECT_FALSE(f.arm());
    }
    EXPECT_EQ(f.fault(), fault::none);
    EXPECT_EQ(b.fault(), fault::none);
}

TEST(RequestRingMemory, BatchesGoOnAcrossTheEndOfTheIndexAndOfTheMemory) {
    test::guarded_memory memory;
    const std::uint32_t start = 0xffffff00u;
    const std::uint32_t words[] = {start, start + 1, start, start + 1};
    std::memcpy(memory.bytes().data(), words, sizeof words);
    front f = front::attach(memory.bytes(), start);
    back b = back::attach(memory.bytes());
    std::uint32_t asked = 0, answered = 0;
    for (std::uint32_t n = 0; n != 100; ++n) {
        const std::size_t batch = n % (f.capacity() + 1);
        EXPECT_EQ(f.push_each(batch, [&] { return request{asked++, 0, 0, 0, 0}; }), batch);
        (void)f.publish();
        EXPECT_EQ(b.answer_each(1000,
                                [](const request& taken) {
                                    return response{static_cast<std::uint16_t>(taken.gref), 0};
                                }),
                  batch);
        (void)b.publish();
        EXPECT_EQ(
            f.pop_each(1000,
                       [&](const response& taken) { EXPECT_EQ(taken.id, answered++ & 0xffffu); }),
            batch);
        ASSERT_EQ(answered, asked);
    }
    EXPECT_EQ(f.fault(), fault::none);
    EXPECT_EQ(b.fault(), fault::none);
    EXPECT_GT(asked, 0x100u) << "the index has wrapped";
}

TEST(Fault, EveryFaultHasItsOwnWords) {
    for (int a = 0; a <= int(fault::bad_live_byte); ++a)
        for (int b = 0; b != a; ++b)
            EXPECT_STRNE(describe(fault(a)), describe(fault(b)));
    EXPECT_STREQ(describe(fault(200)), "unknown fault");
}

} // namespace
} // namespace xenring::ring
