#include <xenring/grant/ledger.hpp>
#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/page_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace xenring {
namespace {

constexpr domid us{1};
constexpr domid peer{2};
constexpr domid other{3};

class PagePool : public testing::Test {
protected:
    local::machine machine;
    std::shared_ptr<hypervisor> here = machine.open(us);
    std::shared_ptr<hypervisor> there = machine.open(peer);
};

bool is_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte each) { return each == std::byte{0}; });
}

TEST_F(PagePool, Xsa403_GivesZeroedPageAlignedPagesThatThePeerCanMap) {
    page_pool pool{*here};
    auto page = pool.take(peer, access::read_write);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(page.bytes().data()) % page_size, 0u);
    EXPECT_TRUE(is_zero(page.bytes()));
    page.bytes()[7] = std::byte{42};
    const foreign_grant grant{us, page.reference()};
    const auto mapped = there->map<access::read_only>({&grant, 1});
    EXPECT_EQ(mapped.bytes()[7], std::byte{42});
}

TEST_F(PagePool, ReusesAReturnedPageForTheSamePeerWithoutAskingTheHypervisor) {
    page_pool pool{*here, {.batch = 1}};
    const auto first = pool.take(peer, access::read_write).reference();
    machine.faults().fail(local::call::share, 1, errno_code(ENOMEM));
    EXPECT_EQ(pool.take(peer, access::read_write).reference(), first);
    EXPECT_EQ(pool.in_use(), 0u);
    EXPECT_EQ(pool.high_water(), 1u);
}

TEST_F(PagePool, NeverGivesOnePeersPageToAnotherPeerOrWithOtherAccess) {
    page_pool pool{*here, {.batch = 1}};
    const auto first = pool.take(peer, access::read_write).reference();
    const auto to_other = pool.take(other, access::read_write);
    const auto read_only = pool.take(peer, access::read_only);
    EXPECT_NE(to_other.reference(), first);
    EXPECT_NE(read_only.reference(), first);
    EXPECT_NE(read_only.reference(), to_other.reference());
}

TEST_F(PagePool, StopsAtItsLimitWithANamedError) {
    page_pool pool{*here, {.batch = 4, .limit = 6}};
    std::vector<pooled_page> taken;
    for (int i = 0; i < 6; ++i)
        taken.push_back(pool.take(peer, access::read_only));
    error_code ec;
    EXPECT_FALSE(pool.take(peer, access::read_only, ec));
    EXPECT_EQ(ec, errc::grant_limit);
    EXPECT_EQ(ec, condition::resource_exhausted);
    taken.pop_back();
    EXPECT_TRUE(pool.take(peer, access::read_only, ec));
    EXPECT_FALSE(ec);
}

TEST_F(PagePool, QuarantinesForgottenPagesThatThePeerStillMaps) {
    page_pool pool{*here, {.batch = 1}};
    const auto reference = pool.take(peer, access::read_write).reference();
    const foreign_grant grant{us, reference};
    auto mapped = there->map<access::read_write>({&grant, 1});
    EXPECT_EQ(pool.forget(peer), grant_end::busy);
    EXPECT_EQ(here->accounts().quarantined(), 1u);
    EXPECT_NE(pool.take(other, access::read_write).reference(), reference);
    mapped.reset();
    EXPECT_EQ(here->retry_quarantine(), 0u);
    EXPECT_EQ(here->accounts().quarantined(), 0u);
}

TEST_F(PagePool, EndsPagesInUseWhenTheyAreDroppedAfterTheirPeerWasForgotten) {
    page_pool pool{*here, {.batch = 2}};
    auto page = pool.take(peer, access::read_write);
    EXPECT_EQ(pool.forget(peer), grant_end::ended);
    EXPECT_EQ(here->accounts().granted(), 2u);
    page = {};
    EXPECT_EQ(here->accounts().granted(), 0u);
    EXPECT_EQ(pool.free(), 0u);
}

TEST_F(PagePool, PagesMayOutliveTheirPool) {
    pooled_page page;
    {
        page_pool pool{*here};
        page = pool.take(peer, access::read_write);
        pool.forget(peer);
        testing::internal::CaptureStderr();
    }
    const auto said = testing::internal::GetCapturedStderr();
#ifndef NDEBUG
    EXPECT_NE(said.find("grant reference " + std::to_string(page.reference().value)),
              std::string::npos);
#else
    EXPECT_EQ(said, "");
#endif
    page.bytes()[0] = std::byte{1};
    page = {};
    EXPECT_EQ(here->accounts().granted(), 0u);
}

TEST_F(PagePool, AFailedShareLeavesNothingBehind) {
    page_pool pool{*here};
    machine.faults().fail(local::call::share, 1, errno_code(ENOMEM));
    error_code ec;
    EXPECT_FALSE(pool.take(peer, access::read_write, ec));
    EXPECT_EQ(ec, errno_code(ENOMEM));
    EXPECT_EQ(here->accounts().granted(), 0u);
    EXPECT_EQ(pool.in_use(), 0u);
}

} // namespace
} // namespace xenring
