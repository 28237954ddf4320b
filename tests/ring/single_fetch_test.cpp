// A slot is fetched once: every access to the shared page is seen and counted, in code that the
// compiler optimised at -O2 and at -O3.
#include "access_trace.hpp"
#include "guarded_memory.hpp"
#include "single_fetch_steps.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace xenring::test {
namespace {

class SingleFetch : public testing::Test {
protected:
    /// How often each offset of the page was accessed by `step`.
    std::map<std::size_t, int> accesses(void (*step)(void*), void* argument) {
        const auto base = reinterpret_cast<std::uintptr_t>(memory.bytes().data());
        std::map<std::size_t, int> count;
        for (const std::uintptr_t address : trace_accesses(memory.first_page(), step, argument))
            ++count[address - base];
        return count;
    }

    /// Words of 16 bytes from the first slot on, then narrower ones, each of them once.
    static std::map<std::size_t, int> once(std::size_t size) {
        std::map<std::size_t, int> count;
        for (std::size_t at = 64, word = 16; size != 0; word /= 2)
            for (; size >= word; at += word, size -= word)
                count[at] = 1;
        return count;
    }

    /// The same for a batch of requests, of which the last two lie at the begin of the memory.
    std::map<std::size_t, int> once_each() {
        std::map<std::size_t, int> count;
        for (std::size_t i = 0; i != batch; ++i)
            for (const auto& [at, times] : once(sizeof(fetch_request)))
                count[at + (before_end + i) % front.capacity() * sizeof(fetch_request)] = times;
        return count;
    }

    /// Both halves where a batch crosses the end, and what is pushed by `sent`.
    void begin_before_end(std::size_t sent) {
        front = fetch_front::attach(memory.bytes(), before_end);
        back = fetch_back::attach(memory.bytes(), before_end);
        for (std::size_t i = 0; i != sent; ++i)
            ASSERT_TRUE(front.push({5, 3, static_cast<std::uint32_t>(i), {1, 2, 3}}));
        (void)front.publish();
    }

    static constexpr std::uint32_t before_end = 32 - 3;
    static constexpr std::size_t req_prod = 0, rsp_prod = 8;
    guarded_memory memory;
    fetch_front front = fetch_front::initialise(memory.bytes());
    fetch_back back = fetch_back::attach(memory.bytes());
};

TEST_F(SingleFetch, PopOfARequestReadsTheIndexOnceAndEachWordOfTheSlotOnce) {
    ASSERT_TRUE(front.push({5, 3, 0, {1, 2, 3}}));
    (void)front.publish();
    back_arguments a{&back};
    auto expected = once(sizeof(fetch_request));
    expected[req_prod] = 1;
    EXPECT_EQ(accesses(take_request, &a), expected);
    EXPECT_EQ(a.sum, 6u);
    EXPECT_EQ(a.copy.id, 5u);
}

TEST_F(SingleFetch, PopIntoTheCallersMessageReadsTheSameOnce) {
    ASSERT_TRUE(front.push({5, 3, 0, {1, 2, 3}}));
    (void)front.publish();
    back_arguments a{&back};
    auto expected = once(sizeof(fetch_request));
    expected[req_prod] = 1;
    EXPECT_EQ(accesses(take_request_in_place, &a), expected);
    EXPECT_EQ(a.sum, 6u);
    EXPECT_EQ(a.copy.id, 5u);
}

TEST_F(SingleFetch, AMessageOfAnySizeIsReadInWordsThatDoNotOverlap) {
    odd_front asking = odd_front::initialise(memory.bytes());
    odd_back serving = odd_back::attach(memory.bytes());
    odd_request request{14, {}};
    std::fill(std::begin(request.payload), std::end(request.payload), std::uint16_t{3});
    ASSERT_TRUE(asking.push(request));
    (void)asking.publish();
    odd_arguments a{&serving};
    auto expected = once(sizeof(odd_request));
    ASSERT_EQ(expected.size(), 4u);
    expected[req_prod] = 1;
    EXPECT_EQ(accesses(take_odd_request, &a), expected);
    EXPECT_EQ(a.sum, 42u);
}

TEST_F(SingleFetch, ABatchReadsTheIndexOnceAndEachWordOfEachSlotOnce) {
    ASSERT_EQ(front.capacity(), 32u);
    begin_before_end(batch);
    back_arguments a{&back};
    auto expected = once_each();
    expected[req_prod] = 1;
    EXPECT_EQ(accesses(take_requests, &a), expected);
    EXPECT_EQ(a.sum, 6u * batch);
}

TEST_F(SingleFetch, AnAnsweredBatchIsReadOnceAndEachWordOfTheResponsesWrittenOnce) {
    begin_before_end(batch);
    back_arguments a{&back};
    const auto count = accesses(answer_requests, &a);
    (void)back.publish();
    for (std::uint32_t i = 0; i != batch; ++i) {
        const auto answer = front.pop();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->id, i);
        EXPECT_EQ(answer->status, 3u);
    }
    // A response of 8 bytes takes the begin of its request's slot, by one store or two.
    std::size_t stores = 0;
    auto reads = once_each();
    reads[req_prod] = 1;
    for (const auto& [at, times] : count) {
        const bool begin = at >= 64 && (at - 64) % sizeof(fetch_request) <= 4;
        stores += begin ? static_cast<std::size_t>(times - reads[at]) : 0;
        if (!begin) {
            EXPECT_EQ(times, reads[at]) << at;
        }
    }
    EXPECT_LE(stores, 2 * batch);
    EXPECT_GE(stores, batch);
}

TEST_F(SingleFetch, AMessageWithNamedMembersIsReadMemberByMember) {
    named_front asking = named_front::initialise(memory.bytes());
    named_back serving = named_back::attach(memory.bytes());
    ASSERT_TRUE(asking.push({7, 0, 100}));
    ASSERT_TRUE(asking.push({8, 4000, 96}));
    (void)asking.publish();
    named_arguments a{&serving};
    const std::map<std::size_t, int> expected{{req_prod, 1}, {64, 1}, {68, 1}, {70, 1},
                                              {72, 1},       {76, 1}, {78, 1}};
    EXPECT_EQ(accesses(take_named_requests, &a), expected);
    EXPECT_EQ(a.sum, 7u + 100u + 8u + 96u);
}

TEST_F(SingleFetch, PopOfAResponseReadsTheIndexOnceAndEachWordOfTheSlotOnce) {
    ASSERT_TRUE(front.push({}));
    (void)front.publish();
    ASSERT_TRUE(back.pop());
    ASSERT_TRUE(back.push({77, 2}));
    (void)back.publish();
    front_arguments a{&front};
    auto expected = once(sizeof(fetch_response));
    expected[rsp_prod] = 1;
    EXPECT_EQ(accesses(take_response, &a), expected);
    EXPECT_EQ(a.table[2], 77u);
}

TEST_F(SingleFetch, PushWritesEachWordOnceAndReadsNothingBack) {
    front_arguments a{&front};
    EXPECT_EQ(accesses(fill_request, &a), once(sizeof(fetch_request)));
}

TEST_F(SingleFetch, ABatchWritesEachWordOnceAndReadsNothingBack) {
    begin_before_end(0);
    front_arguments a{&front};
    EXPECT_EQ(accesses(fill_requests, &a), once_each());
}

TEST_F(SingleFetch, TheTraceSeesASecondFetchWhereThereIsOne) {
    naive_arguments a{reinterpret_cast<const fetch_request*>(memory.bytes().data() + 64)};
    auto expected = once(sizeof(fetch_request));
    expected[64 + 8] = 1; // the length, which is in the first word too
    EXPECT_EQ(accesses(copy_naively, &a), expected);
}

} // namespace
} // namespace xenring::test
