// Work done elsewhere for programs that never run their executor.
#include <xenring/vchan/errand.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>

namespace xenring::vchan::detail::test {
namespace {

using namespace std::chrono_literals;

template <class Work>
int result_of(errand<int>& errands, boost::asio::io_context& io, Work work) {
    std::optional<int> result;
    while (!(result = errands.pass_by(io.get_executor(), [&] { return work; })))
        std::this_thread::yield();
    return *result;
}

TEST(errand, LeavesNothingOnAnExecutorThatNobodyRuns) {
    boost::asio::io_context io;
    errand<int> errands{0ms};
    for (int i = 0; i != 3; ++i)
        EXPECT_EQ(result_of(errands, io, [i] { return i; }), i);
    xenring::detail::blocking_service::of(io.get_executor()).stop(); // the last job is over
    EXPECT_EQ(io.poll(), 0U);
}

TEST(errand, BeginsTheNextNoSoonerThanItsPauseUnlessItIsReset) {
    boost::asio::io_context io;
    errand<int> errands{1h};
    int begun = 0;
    const auto pass_by = [&] {
        return errands.pass_by(io.get_executor(), [&] {
            ++begun;
            return [] { return 7; };
        });
    };
    EXPECT_FALSE(pass_by());
    while (!pass_by())
        std::this_thread::yield();
    EXPECT_FALSE(pass_by());
    EXPECT_EQ(begun, 1);
    errands.reset();
    EXPECT_FALSE(pass_by());
    EXPECT_EQ(begun, 2);
}

} // namespace
} // namespace xenring::vchan::detail::test
