// Calls that fail on demand.
#include <cerrno>
#include <tests/grant/local_fixture.hpp>

namespace xenring::test {
namespace {

using enum access;
using local::call;

class LocalFaults : public local_domains {};

TEST_F(LocalFaults, TheNthCallFailsAndOnlyThat) {
    machine.faults().fail(call::share, 2, errno_code(ENOMEM));
    error_code ec;
    EXPECT_TRUE(one->share(domid{2}, 1, read_only, {}, ec));
    EXPECT_FALSE(two->share(domid{1}, 1, read_only, {}, ec)); // counted over all programs
    EXPECT_EQ(ec, errno_code(ENOMEM));
    EXPECT_TRUE(two->share(domid{1}, 1, read_only, {}, ec));
    EXPECT_FALSE(ec);
}

TEST_F(LocalFaults, EveryKindOfCallCanFail) {
    auto& faults = machine.faults();
    bound_pair pair{*one, *two};
    const auto granted = one->share(domid{2}, 1, read_write);
    error_code ec;

    faults.fail(call::map, 1);
    EXPECT_FALSE(two->map<read_only>(grants_of(domid{1}, granted), {}, ec));
    EXPECT_EQ(ec, grant_status::no_space);
    faults.fail(call::copy, 1);
    std::byte target{};
    std::array segments{
        copy_segment{granted_memory{domid{1}, granted.references()[0]}, &target, 1}};
    two->copy(segments, ec);
    EXPECT_TRUE(ec);
    faults.fail(call::open_event_channel, 1);
    EXPECT_FALSE(one->open_event_channel(ec));
    faults.fail(call::bind_unbound, 1);
    pair.left->bind_unbound(domid{2}, ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    faults.fail(call::bind_interdomain, 1);
    pair.left->bind_interdomain(domid{2}, port{1}, ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    faults.fail(call::notify, 1);
    pair.left->notify(pair.left_port, ec);
    EXPECT_TRUE(ec);
    faults.fail(call::unmask, 1);
    pair.left->unmask(pair.left_port, ec);
    EXPECT_TRUE(ec);
    faults.fail(call::read_pending, 1);
    std::array<port, 1> none;
    pair.left->read_pending(none, ec);
    EXPECT_EQ(ec, errc::event_overflow);
    faults.fail(call::unbind, 1);
    pair.left->unbind(pair.left_port, ec);
    EXPECT_TRUE(ec);
    faults.fail(call::open_store, 1);
    EXPECT_FALSE(one->open_store(ec));
}

TEST_F(LocalFaults, UnshareThatFailsIsBusy) {
    auto granted = one->share(domid{2}, 1, read_only);
    machine.faults().fail(call::unshare, 1);
    EXPECT_EQ(granted.end(), grant_end::busy);
    EXPECT_EQ(granted.end(), grant_end::ended);
}

TEST(LocalFaultText, SaysWhichCallFailsAndHow) {
    error_code ec;
    const auto faults = local::parse_faults("share:3,map:1:EPERM,notify:2", ec);
    ASSERT_FALSE(ec);
    ASSERT_EQ(faults.size(), 3u);
    EXPECT_EQ(faults[0].what, call::share);
    EXPECT_EQ(faults[0].nth, 3u);
    EXPECT_EQ(faults[0].code, errc::grant_limit);
    EXPECT_EQ(faults[1].code, errno_code(EPERM));
    EXPECT_EQ(faults[2].nth, 2u);
}

TEST(LocalFaultText, NonsenseIsABadSpecification) {
    for (const auto* text : {"share", "share:", "share:0", "share:x", "share:1:EWHAT", "nothing:1",
                             "share:1,,map:1", "share:-1", "share:1 "}) {
        error_code ec;
        EXPECT_TRUE(local::parse_faults(text, ec).empty()) << text;
        EXPECT_EQ(ec, errc::bad_specification) << text;
    }
}

} // namespace
} // namespace xenring::test
