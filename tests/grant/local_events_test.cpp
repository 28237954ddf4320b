// The stand-in's event channels: merged, masked, spurious and lost events, and who may bind.
#include <poll.h>

#include <cerrno>
#include <tests/grant/local_fixture.hpp>

namespace xenring::test {
namespace {

class LocalEvents : public local_domains {};

bool polls_readable(const event_channel& channel) {
    pollfd question{channel.native_handle(), POLLIN, 0};
    return ::poll(&question, 1, 0) == 1;
}

void notify(event_channel& channel, port own) {
    error_code ec;
    channel.notify(own, ec);
    EXPECT_FALSE(ec) << ec.message();
}

void unmask(event_channel& channel, port own) {
    error_code ec;
    channel.unmask(own, ec);
    EXPECT_FALSE(ec) << ec.message();
}

TEST_F(LocalEvents, NotifyReachesThePeerInBothDirections) {
    bound_pair pair{*one, *two};
    notify(*pair.left, pair.left_port);
    EXPECT_TRUE(polls_readable(*pair.right));
    EXPECT_EQ(pending(*pair.right), std::vector{pair.right_port});
    EXPECT_TRUE(pending(*pair.left).empty());
    notify(*pair.right, pair.right_port);
    EXPECT_EQ(pending(*pair.left), std::vector{pair.left_port});
}

TEST_F(LocalEvents, PortsBeginAtOneAndTheLowestFreeIsNext) {
    const auto channel = one->open_event_channel();
    error_code ec;
    EXPECT_EQ(channel->bind_unbound(domid{2}, ec), port{1});
    EXPECT_EQ(channel->bind_unbound(domid{2}, ec), port{2});
    EXPECT_EQ(channel->bind_unbound(domid{2}, ec), port{3});
    channel->unbind(port{2}, ec);
    EXPECT_EQ(channel->bind_unbound(domid{2}, ec), port{2});
}

TEST_F(LocalEvents, InterdomainBindLeavesTheNewPortPending) {
    const auto left = one->open_event_channel(), right = two->open_event_channel();
    error_code ec;
    const auto offered = left->bind_unbound(domid{2}, ec);
    const auto bound = right->bind_interdomain(domid{1}, offered, ec);
    EXPECT_TRUE(polls_readable(*right));
    EXPECT_EQ(pending(*right), std::vector{bound});
    EXPECT_TRUE(pending(*left).empty());
}

TEST_F(LocalEvents, EventsMergeUntilTheyAreRead) {
    bound_pair pair{*one, *two};
    for (int i = 0; i < 5; ++i)
        notify(*pair.left, pair.left_port);
    EXPECT_EQ(pending(*pair.right).size(), 1u);
    unmask(*pair.right, pair.right_port);
    EXPECT_TRUE(pending(*pair.right).empty());
}

TEST_F(LocalEvents, PortStaysMaskedUntilUnmaskAndThenDeliversOnce) {
    bound_pair pair{*one, *two};
    notify(*pair.left, pair.left_port);
    EXPECT_EQ(pending(*pair.right).size(), 1u);
    notify(*pair.left, pair.left_port);
    notify(*pair.left, pair.left_port);
    EXPECT_FALSE(polls_readable(*pair.right));
    EXPECT_TRUE(pending(*pair.right).empty());
    unmask(*pair.right, pair.right_port);
    EXPECT_TRUE(polls_readable(*pair.right));
    EXPECT_EQ(pending(*pair.right).size(), 1u);
    unmask(*pair.right, pair.right_port);
    EXPECT_TRUE(pending(*pair.right).empty());
}

TEST_F(LocalEvents, NotifyToAPortThatNobodyBoundIsLost) {
    const auto left = one->open_event_channel();
    error_code ec;
    const auto offered = left->bind_unbound(domid{2}, ec);
    notify(*left, offered);
    const auto right = two->open_event_channel();
    const auto bound = right->bind_interdomain(domid{1}, offered, ec);
    EXPECT_EQ(pending(*right), std::vector{bound}); // the spurious one; unmasking shows no other
    unmask(*right, bound);
    EXPECT_TRUE(pending(*right).empty());
}

TEST_F(LocalEvents, BoundPortCannotBeBoundAgain) {
    bound_pair pair{*one, *two};
    const auto another = two->open_event_channel();
    error_code ec;
    another->bind_interdomain(domid{1}, pair.left_port, ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
}

TEST_F(LocalEvents, OnlyTheNamedDomainMayBind) {
    const auto left = one->open_event_channel();
    error_code ec;
    const auto offered = left->bind_unbound(domid{2}, ec);
    const auto three = machine.open(domid{3});
    three->open_event_channel()->bind_interdomain(domid{1}, offered, ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
    three->open_event_channel()->bind_interdomain(domid{99}, offered, ec);
    EXPECT_EQ(ec, errno_code(ESRCH));
    three->open_event_channel()->bind_interdomain(domid{1}, port{55}, ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
}

TEST_F(LocalEvents, PortIsThereForTheNextClientOfTheSameDomain) {
    const auto left = one->open_event_channel();
    error_code ec;
    const auto offered = left->bind_unbound(domid{2}, ec);
    for (int round = 0; round < 3; ++round) {
        const auto right = two->open_event_channel();
        const auto bound = right->bind_interdomain(domid{1}, offered, ec);
        ASSERT_FALSE(ec) << ec.message();
        EXPECT_EQ(pending(*right), std::vector{bound});
        notify(*right, bound);
        EXPECT_EQ(pending(*left), std::vector{offered});
        unmask(*left, offered);
    }
    notify(*left, offered); // the last client has gone: lost
}

TEST_F(LocalEvents, PeersUnbindMakesNoEvent) {
    bound_pair pair{*one, *two};
    error_code ec;
    pair.left->unbind(pair.left_port, ec);
    EXPECT_FALSE(ec);
    EXPECT_TRUE(pending(*pair.right).empty());
    notify(*pair.right, pair.right_port);
    pair.left->notify(pair.left_port, ec);
    EXPECT_EQ(ec, errno_code(ENOTCONN));
    pair.left->unbind(pair.left_port, ec);
    EXPECT_EQ(ec, errno_code(ENOTCONN));
}

TEST_F(LocalEvents, ClosingTheDescriptorUnbindsItsPorts) {
    bound_pair pair{*one, *two};
    EXPECT_EQ(machine.statistics().of(domid{1}).ports, 1u);
    pair.left.reset();
    EXPECT_EQ(machine.statistics().of(domid{1}).ports, 0u);
}

TEST_F(LocalEvents, OneDescriptorCarriesManyPorts) {
    const auto left = one->open_event_channel(), right = two->open_event_channel();
    error_code ec;
    std::vector<port> offered;
    for (int i = 0; i < 100; ++i) {
        offered.push_back(left->bind_unbound(domid{2}, ec));
        notify(*right, right->bind_interdomain(domid{1}, offered.back(), ec));
    }
    std::size_t seen = 0;
    while (const auto count = pending(*left).size())
        seen += count;
    EXPECT_EQ(seen, 100u);
}

TEST_F(LocalEvents, SpuriousEventCanBeMade) {
    bound_pair pair{*one, *two};
    machine.raise_spurious(domid{1}, pair.left_port);
    EXPECT_EQ(pending(*pair.left), std::vector{pair.left_port});
}

TEST_F(LocalEvents, LoopbackWithinADomainWorks) {
    bound_pair pair{*one, *one};
    notify(*pair.left, pair.left_port);
    EXPECT_EQ(pending(*pair.right), std::vector{pair.right_port});
}

class LocalPortQuota : public local_domains {
protected:
    LocalPortQuota() : local_domains{{.ports = 4}} {}
};

TEST_F(LocalPortQuota, OneMoreIsRefused) {
    const auto channel = one->open_event_channel();
    error_code ec;
    for (int i = 0; i < 4; ++i)
        channel->bind_unbound(domid{2}, ec);
    EXPECT_FALSE(ec);
    channel->bind_unbound(domid{2}, ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_EQ(ec, make_error_condition(condition::resource_exhausted));
}

} // namespace
} // namespace xenring::test
