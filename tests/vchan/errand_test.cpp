// Work done elsewhere for programs that never run their executor.
#include <xenring/vchan/errand.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace xenring::vchan::detail::test {
namespace {

TEST(errand, LeavesNothingOnAnExecutorThatNobodyRuns) {
    boost::asio::io_context io;
    errand<int> work;
    for (int i = 0; i != 3; ++i) {
        ASSERT_FALSE(work.begun());
        work.begin(io.get_executor(), [i] { return i; });
        std::optional<int> result;
        while (!(result = work.take()))
            std::this_thread::yield();
        EXPECT_EQ(result, i);
    }
    xenring::detail::blocking_service::of(io.get_executor()).stop(); // the last job is over
    EXPECT_EQ(io.poll(), 0U);
}

} // namespace
} // namespace xenring::vchan::detail::test
