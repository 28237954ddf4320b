#include <xenring/backend/rate_limit.hpp>

#include <gtest/gtest.h>

namespace xenring::backend::test {
namespace {

using namespace std::chrono_literals;

TEST(rate_limit, ReadsWhatXlWrites) {
    EXPECT_EQ(parse_rate("62500,50000"), (rate_limit{62500, 50ms}));
    for (const char* const garbage :
         {"", ",", "1", "1,", ",1", "1,2,3", "-1,5", "1, 5", "1,0", "4294967296,1", "1 000,1"})
        EXPECT_FALSE(parse_rate(garbage)) << garbage;
}

TEST(rate_limit, EachPeriodHasItsBytes) {
    const rate_account::time_point begin{};
    rate_account account{{1000, 10ms}, begin};
    EXPECT_EQ(account.available(begin), 1000U);
    account.spend(1500); // the last packet goes on credit
    EXPECT_EQ(account.available(begin + 9ms), 0U);
    EXPECT_EQ(account.next(), begin + 10ms);
    EXPECT_EQ(account.available(begin + 10ms), 500U);
}

TEST(rate_limit, WhatIsSavedUpIsBounded) {
    rate_account::time_point now{};
    rate_account account{{1000, 10ms}, now};
    for (int i = 0; i != 1000; ++i)
        (void)account.available(now += 10ms);
    EXPECT_EQ(account.available(now), 128U * 1024);
}

} // namespace
} // namespace xenring::backend::test
