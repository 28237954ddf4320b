// Our netfront tells our netback which multicast groups it wants.
#include "pair_fixture.hpp"

#include <cerrno>

namespace xenring::frontend::test {
namespace {

using ring::netif::mac_address;

constexpr mac_address some_group{1, 0, 0x5e, 0, 0, 0xfb};
constexpr mac_address other_group{0x33, 0x33, 0, 0, 0, 1};
constexpr mac_address everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr mac_address station{0, 0x16, 0x3e, 0, 9, 2};

class front_multicast_test : public pair_test {
protected:
    netfront_options filtering() {
        auto chosen = front_options();
        chosen.filter_multicast = true;
        return chosen;
    }
    static frame_bytes frame_to(const mac_address& to, std::size_t payload = 100) {
        auto frame = net::test::udp_frame(payload);
        for (std::size_t i = 0; i != to.size(); ++i)
            frame[i] = static_cast<std::byte>(to[i]);
        return frame;
    }
    error_code join(const mac_address& group) {
        std::optional<error_code> result;
        net->async_join(group, [&](const error_code& ec) { result = ec; });
        EXPECT_TRUE(eventually([&] { return result.has_value(); })) << log;
        return result.value_or(errc::timed_out);
    }
    error_code leave(const mac_address& group) {
        std::optional<error_code> result;
        net->async_leave(group, [&](const error_code& ec) { result = ec; });
        EXPECT_TRUE(eventually([&] { return result.has_value(); })) << log;
        return result.value_or(errc::timed_out);
    }
    /// Whether a frame to that address comes; one to our station follows and says so.
    bool gets(const mac_address& to) {
        outside().send(frame_to(to));
        outside().send(frame_to(station, 200));
        error_code ec;
        const auto first = bytes_of(receive(ec));
        if (first == frame_to(station, 200))
            return false;
        EXPECT_EQ(first, frame_to(to));
        EXPECT_EQ(bytes_of(receive(ec)), frame_to(station, 200));
        return true;
    }
    /// The backend has looked at the key, some time after it was written.
    bool comes_to(bool passed, const mac_address& group) {
        return eventually([&] { return gets(group) == passed; });
    }
    std::string key() {
        error_code ec;
        return dom0.store().read(frontend(1) + "/request-multicast-control", ec);
    }
};

TEST_F(front_multicast_test, ByDefaultAllFramesCome) {
    connect_pair();
    EXPECT_EQ(key(), "");
    EXPECT_TRUE(gets(some_group));
    EXPECT_FALSE(join(other_group)) << "which the backend notes";
    EXPECT_TRUE(gets(some_group));
}

TEST_F(front_multicast_test, OnlyFramesOfGroupsThatWereJoinedCome) {
    connect_pair(filtering());
    EXPECT_EQ(key(), "1");
    EXPECT_TRUE(net->device().multicast_control && net->device().dynamic_multicast_control);
    EXPECT_FALSE(gets(some_group));
    EXPECT_TRUE(gets(everybody));
    ASSERT_FALSE(join(some_group));
    EXPECT_TRUE(gets(some_group));
    EXPECT_FALSE(gets(other_group));
    EXPECT_FALSE(join(some_group)) << "again";
    ASSERT_FALSE(leave(some_group));
    EXPECT_FALSE(gets(some_group));
    EXPECT_FALSE(leave(some_group));
    EXPECT_EQ(join(station), errno_code(EINVAL));
    EXPECT_EQ(net->statistics().tx.rejected, 0U);
}

TEST_F(front_multicast_test, GroupsAreJoinedAgainByEveryConnection) {
    connect_pair(filtering());
    ASSERT_FALSE(join(some_group));
    ASSERT_FALSE(join(other_group));
    EXPECT_FALSE(close());
    ASSERT_FALSE(leave(other_group)) << "without a connection";
    ASSERT_FALSE(join({1, 2, 3, 4, 5, 6}));
    ASSERT_FALSE(connect()) << log;
    EXPECT_TRUE(comes_to(true, {1, 2, 3, 4, 5, 6})) << "the last of the list";
    EXPECT_TRUE(gets(some_group));
    EXPECT_FALSE(gets(other_group));
}

TEST_F(front_multicast_test, TheFilterMayBeTurnedOnAndOffAtAnyTime) {
    connect_pair();
    ASSERT_FALSE(join(some_group));
    for (const bool on : {true, false, true}) {
        error_code ec;
        net->filter_multicast(on, ec);
        EXPECT_FALSE(ec);
        EXPECT_TRUE(comes_to(!on, other_group)) << log;
        EXPECT_TRUE(gets(some_group));
        EXPECT_EQ(key(), on ? "1" : "");
        EXPECT_TRUE(net->is_connected());
    }
    EXPECT_FALSE(close());
    ASSERT_FALSE(connect()) << log;
    EXPECT_EQ(key(), "1") << "it stays as it was";
    EXPECT_FALSE(gets(other_group));
}

TEST_F(front_multicast_test, ABackendThatLooksOnlyOnceIsToldAtTheNextConnection) {
    auto serving_options = usual_options();
    serving_options.features.dynamic_multicast_control = false;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect());
    error_code ec;
    net->filter_multicast(true, ec);
    EXPECT_EQ(ec, errc::feature_missing);
    EXPECT_TRUE(gets(some_group));
    EXPECT_EQ(key(), "");
    net->filter_multicast(true, ec);
    EXPECT_FALSE(ec) << "nothing new";
    EXPECT_FALSE(close());
    ASSERT_FALSE(connect()) << log;
    EXPECT_EQ(key(), "1");
    EXPECT_FALSE(gets(some_group));
    ASSERT_FALSE(join(some_group));
    EXPECT_TRUE(gets(some_group));
}

TEST_F(front_multicast_test, ABackendWithoutItSendsAll) {
    auto serving_options = usual_options();
    serving_options.features.multicast_control = false;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), filtering());
    ASSERT_FALSE(connect());
    EXPECT_EQ(key(), "") << "what is not offered is not asked for";
    EXPECT_FALSE(net->device().multicast_control);
    EXPECT_EQ(join(some_group), errc::feature_missing);
    EXPECT_TRUE(gets(some_group));
    EXPECT_TRUE(gets(other_group));
    EXPECT_EQ(leave(some_group), errc::feature_missing);
}

TEST_F(front_multicast_test, JoiningGoesOnBesideFramesOnSeveralQueues) {
    auto chosen = filtering();
    chosen.queues = 2;
    connect_pair(std::move(chosen), 2);
    const auto frame = net::test::udp_frame(500);
    for (std::uint8_t i = 0; i != 60; ++i) {
        std::optional<error_code> joined;
        net->async_join({1, 0, 0, 0, 0, i}, [&](const error_code& ec) { joined = ec; });
        for (std::size_t flow = 0; flow != 20; ++flow) {
            ASSERT_FALSE(send(frame, {}, flow));
            ASSERT_EQ(receive_outside().frame, frame);
        }
        ASSERT_TRUE(eventually([&] { return joined.has_value(); })) << log;
        ASSERT_FALSE(*joined);
    }
    EXPECT_EQ(net->statistics().tx.packets, 60U * 20);
    EXPECT_EQ(net->statistics().tx.rejected, 0U);
    EXPECT_TRUE(gets({1, 0, 0, 0, 0, 59}));
    EXPECT_FALSE(gets({1, 0, 0, 0, 0, 60}));
}

} // namespace
} // namespace xenring::frontend::test
