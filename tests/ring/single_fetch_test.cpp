// A slot is fetched once: every access to the shared page is seen and counted, in code that the
// compiler optimised at -O2 and at -O3.
#include "access_trace.hpp"
#include "guarded_memory.hpp"
#include "single_fetch_steps.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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

    /// Each word of [64, 64 + size) once, and `index` once.
    static std::map<std::size_t, int> once(std::size_t size, std::size_t word) {
        std::map<std::size_t, int> count;
        for (std::size_t at = 64; at != 64 + size; at += word)
            count[at] = 1;
        return count;
    }

    static constexpr std::size_t req_prod = 0, rsp_prod = 8;
    guarded_memory memory;
    fetch_front front = fetch_front::initialise(memory.bytes());
    fetch_back back = fetch_back::attach(memory.bytes());
};

TEST_F(SingleFetch, PopOfARequestReadsTheIndexOnceAndEachWordOfTheSlotOnce) {
    ASSERT_TRUE(front.push({5, 3, 0, {1, 2, 3}}));
    (void)front.publish();
    back_arguments a{&back};
    auto expected = once(sizeof(fetch_request), 8);
    expected[req_prod] = 1;
    EXPECT_EQ(accesses(take_request, &a), expected);
    EXPECT_EQ(a.sum, 6u);
    EXPECT_EQ(a.copy.id, 5u);
}

TEST_F(SingleFetch, PopOfAResponseReadsTheIndexOnceAndEachWordOfTheSlotOnce) {
    ASSERT_TRUE(front.push({}));
    (void)front.publish();
    ASSERT_TRUE(back.pop());
    ASSERT_TRUE(back.push({77, 2}));
    (void)back.publish();
    front_arguments a{&front};
    auto expected = once(sizeof(fetch_response), 4);
    expected[rsp_prod] = 1;
    EXPECT_EQ(accesses(take_response, &a), expected);
    EXPECT_EQ(a.table[2], 77u);
}

TEST_F(SingleFetch, PushWritesEachWordOnceAndReadsNothingBack) {
    front_arguments a{&front};
    EXPECT_EQ(accesses(fill_request, &a), once(sizeof(fetch_request), 8));
}

TEST_F(SingleFetch, TheTraceSeesASecondFetchWhereThereIsOne) {
    naive_arguments a{reinterpret_cast<const fetch_request*>(memory.bytes().data() + 64)};
    EXPECT_EQ(accesses(copy_naively, &a)[64 + 8], 2);
}

} // namespace
} // namespace xenring::test
