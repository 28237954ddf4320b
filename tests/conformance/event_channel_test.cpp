// Event channels: who may bind to whom, what arrives, what merges, what is lost.
#include "two_domains.hpp"

#include <poll.h>

#include <array>
#include <cerrno>

namespace xenring::conformance {
namespace {

class event_ports : public two_domains {
protected:
    void SetUp() override {
        two_domains::SetUp();
        events_ = std::make_unique<event_queue>(near().open_event_channel());
    }

    event_channel& channel() { return events_->channel(); }
    event_queue& events() { return *events_; }

    port offer() {
        const auto own = channel().bind_unbound(far().id(), ec_);
        throw_if(ec_, "bind_unbound");
        return own;
    }
    /// An own port and the far one bound to it; neither has an event, both are unmasked.
    struct pair {
        port own;
        port theirs;
    };
    pair connect() {
        pair ends{offer(), {}};
        ends.theirs = far().bind_interdomain(near().self(), ends.own);
        if (events().has(ends.own))
            channel().unmask(ends.own, ec_);
        if (far().has_event(ends.theirs))
            far().unmask(ends.theirs);
        return ends;
    }

    std::unique_ptr<event_queue> events_;
    error_code ec_;
};

TEST_F(event_ports, FreshlyBoundPortHasAFirstEventWithNoCause) {
    const auto theirs = far().bind_unbound(near().self());
    const auto own = channel().bind_interdomain(far().id(), theirs, ec_);
    ASSERT_FALSE(ec_) << ec_.message();
    EXPECT_TRUE(events().wait(own));
    // It was unmasked from the start, and only one event was there.
    channel().unmask(own, ec_);
    EXPECT_FALSE(events().has(own));
}

TEST_F(event_ports, EventsGoBothWays) {
    const auto [own, theirs] = connect();
    channel().notify(own, ec_);
    EXPECT_FALSE(ec_);
    EXPECT_TRUE(far().wait_event(theirs));
    far().notify(theirs);
    EXPECT_TRUE(events().wait(own));
}

TEST_F(event_ports, DescriptorPollsReadable) {
    const auto [own, theirs] = connect();
    far().notify(theirs);
    pollfd poller{channel().native_handle(), POLLIN, 0};
    ASSERT_EQ(::poll(&poller, 1, static_cast<int>(std::chrono::milliseconds{patience}.count())), 1);
    EXPECT_TRUE(poller.revents & POLLIN);
    EXPECT_TRUE(events().has(own));
}

TEST_F(event_ports, EventsMerge) {
    const auto [own, theirs] = connect();
    for (int i = 0; i < 5; ++i)
        far().notify(theirs);
    std::array<port, 8> ports;
    ASSERT_TRUE(eventually([&] { return channel().read_pending(ports, ec_) == 1; }));
    EXPECT_EQ(ports[0], own);
    EXPECT_EQ(channel().read_pending(ports, ec_), 0U);
}

TEST_F(event_ports, NothingArrivesUntilUnmaskAndThenOnce) {
    const auto [own, theirs] = connect();
    far().notify(theirs);
    ASSERT_TRUE(events().wait(own));
    far().notify(theirs);
    far().notify(theirs);
    EXPECT_FALSE(events().has(own));
    channel().unmask(own, ec_);
    EXPECT_TRUE(events().wait(own));
    channel().unmask(own, ec_);
    EXPECT_FALSE(events().has(own));
}

TEST_F(event_ports, OneDescriptorCarriesManyPorts) {
    std::vector<pair> pairs;
    for (int i = 0; i < 12; ++i)
        pairs.push_back(connect());
    for (const auto& ends : pairs)
        far().notify(ends.theirs);
    for (const auto& ends : pairs)
        EXPECT_TRUE(events().wait(ends.own)) << ends.own.value;
}

TEST_F(event_ports, OnlyTheNamedDomainMayBind) {
    const auto own = channel().bind_unbound(nobody, ec_);
    ASSERT_FALSE(ec_) << ec_.message();
    EXPECT_EQ(code_of([&] { far().bind_interdomain(near().self(), own); }), errno_code(EINVAL));
}

TEST_F(event_ports, PortOfADomainThatIsNotThereCannotBeBound) {
    channel().bind_interdomain(nobody, port{1}, ec_);
    EXPECT_EQ(ec_, errno_code(ESRCH));
}

TEST_F(event_ports, PortThatWasNeverOfferedCannotBeBound) {
    channel().bind_interdomain(far().id(), port{900}, ec_);
    EXPECT_EQ(ec_, errno_code(EINVAL));
}

TEST_F(event_ports, SecondBindIsRefused) {
    const auto ends = connect();
    EXPECT_EQ(code_of([&] { far().bind_interdomain(near().self(), ends.own); }),
              errno_code(EINVAL));
}

TEST_F(event_ports, PortMayBeBoundAgainAfterThePeerUnbound) {
    const auto first = connect();
    far().unbind(first.theirs);
    const auto again = far().bind_interdomain(near().self(), first.own);
    far().notify(again);
    EXPECT_TRUE(events().wait(first.own));
}

TEST_F(event_ports, PortMayBeBoundAgainAfterThePeersProcessDied) {
    const auto first = connect();
    far().kill();
    const auto again = far().bind_interdomain(near().self(), first.own);
    far().notify(again);
    EXPECT_TRUE(events().wait(first.own));
}

TEST_F(event_ports, ClosingTheChannelUnbindsItsPorts) {
    const auto first = connect();
    far().close_events();
    const auto again = far().bind_interdomain(near().self(), first.own);
    far().notify(again);
    EXPECT_TRUE(events().wait(first.own));
}

TEST_F(event_ports, NotifyBeforeAndAfterThePeerIsLostWithoutAnError) {
    const auto own = offer();
    channel().notify(own, ec_);
    EXPECT_FALSE(ec_) << ec_.message();
    const auto theirs = far().bind_interdomain(near().self(), own);
    far().unbind(theirs);
    channel().notify(own, ec_);
    EXPECT_FALSE(ec_) << ec_.message();
}

TEST_F(event_ports, PeerThatUnbindsRaisesNoEvent) {
    const auto ends = connect();
    far().unbind(ends.theirs);
    EXPECT_FALSE(events().has(ends.own));
}

TEST_F(event_ports, PortOfAnotherChannelIsNotOurs) {
    const auto ends = connect();
    const auto other = near().open_event_channel();
    other->notify(ends.own, ec_);
    EXPECT_EQ(ec_, errno_code(ENOTCONN));
    other->unbind(ends.own, ec_);
    EXPECT_EQ(ec_, errno_code(ENOTCONN));
}

TEST_F(event_ports, DomainBindsToItself) {
    const auto offered = channel().bind_unbound(near().self(), ec_);
    ASSERT_FALSE(ec_);
    const auto other = channel().bind_interdomain(near().self(), offered, ec_);
    ASSERT_FALSE(ec_) << ec_.message();
    EXPECT_TRUE(events().wait(other));
    channel().notify(other, ec_);
    EXPECT_TRUE(events().wait(offered));
}

TEST_F(event_ports, UnboundPortIsGone) {
    const auto ends = connect();
    channel().unbind(ends.own, ec_);
    ASSERT_FALSE(ec_);
    channel().notify(ends.own, ec_);
    EXPECT_EQ(ec_, errno_code(ENOTCONN));
    channel().unbind(ends.own, ec_);
    EXPECT_EQ(ec_, errno_code(ENOTCONN));
    channel().unmask(ends.own, ec_);
    EXPECT_FALSE(ec_) << "the device ignores ports that are not its own";
    far().notify(ends.theirs); // harmless
}

} // namespace
} // namespace xenring::conformance
