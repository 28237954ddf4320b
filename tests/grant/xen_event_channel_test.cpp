#include "xen_fake.hpp"

#include <xenring/grant/xen/event_channel.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

namespace xenring {
namespace {

using tests::fake_xen;

class XenEventChannel : public ::testing::Test {
protected:
    XenEventChannel() {
        tests::reset_fake_xen();
        channel_ = xen::open_event_channel(nodes_.path(), ec_);
    }

    void raise(std::initializer_list<std::uint32_t> ports) {
        for (const auto number : ports)
            ASSERT_EQ(::write(fake_xen().event_descriptor_peer, &number, sizeof number), 4);
    }

    tests::device_directory nodes_;
    error_code ec_;
    std::unique_ptr<event_channel> channel_;
    std::array<port, 3> ports_{};
};

TEST_F(XenEventChannel, OneReadTakesEveryPendingPort) {
    ASSERT_TRUE(channel_) << ec_.message();
    raise({4, 9, 5});
    ASSERT_EQ(channel_->read_pending(ports_, ec_), 3U);
    EXPECT_EQ(ports_, (std::array{port{4}, port{9}, port{5}}));
}

TEST_F(XenEventChannel, MoreThanFitsStaysForTheNextRead) {
    raise({1, 2, 3, 4});
    EXPECT_EQ(channel_->read_pending(ports_, ec_), 3U);
    EXPECT_EQ(channel_->read_pending(ports_, ec_), 1U);
    EXPECT_EQ(ports_[0], port{4});
}

TEST_F(XenEventChannel, NothingPendingIsZeroAtOnce) {
    EXPECT_EQ(channel_->read_pending(ports_, ec_), 0U);
    EXPECT_FALSE(ec_);
}

TEST_F(XenEventChannel, UnmaskGoesToTheDevice) {
    channel_->unmask(port{7}, ec_);
    EXPECT_FALSE(ec_);
    EXPECT_EQ(fake_xen().unmasked, (std::vector<std::uint32_t>{7}));
}

TEST_F(XenEventChannel, NotifyOfAPortThatIsNotOursKeepsItsErrno) {
    channel_->notify(port{7}, ec_);
    EXPECT_FALSE(ec_);
    channel_->notify(port{8}, ec_);
    EXPECT_EQ(ec_, errno_code(ENOTCONN));
}

TEST_F(XenEventChannel, RefusedBindKeepsItsErrno) {
    EXPECT_EQ(channel_->bind_unbound(domid{3}, ec_), port{7});
    EXPECT_FALSE(ec_);
    channel_->bind_interdomain(domid{404}, port{1}, ec_);
    EXPECT_EQ(ec_, errno_code(ESRCH));
    channel_->bind_interdomain(domid{3}, port{1}, ec_);
    EXPECT_EQ(ec_, errno_code(EINVAL));
}

TEST_F(XenEventChannel, MissingNodeIsNamed) {
    std::filesystem::remove(nodes_.node("evtchn"));
    EXPECT_FALSE(xen::open_event_channel(nodes_.path(), ec_));
    EXPECT_EQ(ec_, condition::not_available);
    EXPECT_NE(ec_.message().find("/dev/xen/evtchn"), std::string::npos);
}

} // namespace
} // namespace xenring
