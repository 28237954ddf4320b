// Our netfront has our netback spread frames over its queues by their hashes.
#include "pair_fixture.hpp"

#include <xenring/ring/netif_steering.hpp>

#include <array>
#include <cerrno>
#include <numeric>

namespace xenring::frontend::test {
namespace {

namespace netif = ring::netif;

class front_steering_test : public pair_test {
protected:
    static hash_steering by(std::vector<std::uint32_t> mapping,
                            std::uint32_t types = netif::hash_type::all) {
        hash_steering out;
        out.types = types;
        std::iota(out.key.begin(), out.key.end(), std::uint8_t{0x6d});
        out.mapping = std::move(mapping);
        return out;
    }
    netfront_options steering(std::optional<hash_steering> how) {
        auto chosen = front_options();
        chosen.queues = 2;
        chosen.steering = std::move(how);
        return chosen;
    }
    error_code steer(std::optional<hash_steering> how) {
        std::optional<error_code> result;
        net->async_steer(std::move(how), [&](const error_code& ec) { result = ec; });
        EXPECT_TRUE(eventually([&] { return result.has_value(); })) << log;
        return result.value_or(errc::timed_out);
    }
    static frame_bytes frame_from(unsigned number) {
        auto frame = net::test::udp_frame(100);
        frame[28] = static_cast<std::byte>(number >> 8);
        frame[29] = static_cast<std::byte>(number);
        return frame;
    }
    struct arrival {
        std::size_t queue = 99;
        std::optional<netif::packet_hash> hash;
    };
    /// How a frame came that was put into a queue of the TAP.
    arrival pass(const frame_bytes& bytes, std::size_t tap_queue) {
        outside().send(bytes, {}, tap_queue);
        error_code ec;
        const auto frame = receive(ec);
        EXPECT_EQ(bytes_of(frame), bytes);
        return {frame.queue(), frame.info().hash};
    }
    /// Every one of many flows goes to that queue, from either of the TAP.
    bool all_go_to(std::size_t queue) {
        bool all = true;
        for (unsigned i = 0; i != 20; ++i)
            all = pass(frame_from(i), i % net->queue_count()).queue == queue && all;
        return all;
    }
    /// Each goes on by the queue of the TAP that it came from.
    bool is_not_steered() {
        bool plain = true;
        for (unsigned i = 0; i != 20; ++i) {
            const auto got = pass(frame_from(i), i % 2);
            plain = got.queue == i % 2 && !got.hash && plain;
        }
        return plain;
    }
};

TEST_F(front_steering_test, ByDefaultTheBackendSteersAsItLikes) {
    connect_pair(steering(std::nullopt), 2);
    EXPECT_TRUE(is_not_steered());
}

TEST_F(front_steering_test, AMappingSendsAllFlowsToOneQueue) {
    connect_pair(steering(by({1})), 2);
    EXPECT_TRUE(eventually([&] { return all_go_to(1); })) << log;
    ASSERT_FALSE(steer(by({0, 0, 0})));
    EXPECT_TRUE(all_go_to(0));
    ASSERT_FALSE(steer(by({1, 1, 1})));
    EXPECT_TRUE(all_go_to(1));
    ASSERT_FALSE(steer(std::nullopt));
    EXPECT_TRUE(is_not_steered());
}

TEST_F(front_steering_test, TheHashIsThatOfTheKeyAndComesWithTheFrame) {
    connect_pair(steering(std::nullopt), 2);
    const auto how = by({0, 1, 1, 0, 1}, netif::hash_type::ipv4);
    netif::steering oracle{2};
    ASSERT_EQ(oracle.set_algorithm(netif::hash_algorithm::toeplitz), 0U);
    ASSERT_EQ(oracle.set_types(how.types), 0U);
    ASSERT_EQ(oracle.set_key(how.key), 0U);
    ASSERT_EQ(oracle.set_mapping_size(5), 0U);
    ASSERT_EQ(oracle.set_mapping(0, how.mapping), 0U);
    ASSERT_FALSE(steer(how));
    std::array<unsigned, 2> came{};
    for (unsigned i = 0; i != 100; ++i) {
        const auto got = pass(frame_from(i), i % 2);
        const auto hash = oracle.hash(frame_from(i));
        ASSERT_TRUE(hash);
        EXPECT_EQ(got.hash, hash);
        EXPECT_EQ(got.queue, oracle.queue_of(hash->value));
        ++came[got.queue];
    }
    EXPECT_GT(came[0], 10U);
    EXPECT_GT(came[1], 10U);
}

TEST_F(front_steering_test, WithoutAMappingTheHashChooses) {
    connect_pair(steering(std::nullopt), 2);
    ASSERT_FALSE(steer(by({})));
    for (unsigned i = 0; i != 50; ++i) {
        const auto got = pass(frame_from(i), i % 2);
        ASSERT_TRUE(got.hash);
        EXPECT_EQ(got.queue, got.hash->value % 2);
    }
}

TEST_F(front_steering_test, ItIsSetAgainByEveryConnection) {
    connect_pair(steering(std::nullopt), 2);
    ASSERT_FALSE(steer(by({1})));
    EXPECT_FALSE(close());
    ASSERT_FALSE(connect()) << log;
    EXPECT_TRUE(eventually([&] { return all_go_to(1); })) << log;
    EXPECT_FALSE(close());
    EXPECT_FALSE(steer(by({0}))) << "for the next one";
    ASSERT_FALSE(connect()) << log;
    EXPECT_TRUE(eventually([&] { return all_go_to(0); })) << log;
}

TEST_F(front_steering_test, ABackendThatIsRestartedIsToldAgain) {
    auto serving_options = usual_options();
    serving_options.features.max_queues = 2;
    auto first = std::make_unique<backend::test::killable_netback>(machine, serving_options);
    make_device();
    net = std::make_unique<netfront>(guests.at(1), steering(std::nullopt));
    std::optional<error_code> result, steered;
    net->async_connect(0, [&](const error_code& ec) { result = ec; });
    ASSERT_TRUE(eventually(*first, [&] {
        if (state(1) == "2" && !result)
            script_done(1);
        return result.has_value() && state(1) == "4";
    })) << log;
    net->async_steer(by({1}), [&](const error_code& ec) { steered = ec; });
    ASSERT_TRUE(eventually(*first, [&] { return steered.has_value(); })) << log;
    EXPECT_FALSE(*steered);
    for (int round = 0; round != 150; ++round) // until the control ring is at rest
        first->run_for(1ms), io.restart(), io.run_for(1ms);
    first.reset();
    wires.clear();
    start(std::move(serving_options));
    ASSERT_TRUE(eventually([&] { return wires.contains("vif1.0"); })) << log;
    EXPECT_TRUE(eventually([&] { return all_go_to(1); })) << log;
}

TEST_F(front_steering_test, OneQueueTakesAll) {
    connect_pair(steering(std::nullopt), 1);
    EXPECT_EQ(net->queue_count(), 1U);
    EXPECT_FALSE(steer(by({0, 1, 2, 3}))) << "which are all the same";
    EXPECT_TRUE(all_go_to(0));
    EXPECT_TRUE(pass(frame_from(1), 0).hash) << "and hashed";
}

TEST_F(front_steering_test, WhatTheBackendDoesNotAllowIsReportedAndNothingIsSteered) {
    connect_pair(steering(std::nullopt), 2);
    ASSERT_FALSE(steer(by({1})));
    EXPECT_EQ(steer(by({1}, 0x1000)), errno_code(EINVAL)) << "no such type";
    EXPECT_TRUE(logged("refuses the hash types")) << log;
    EXPECT_TRUE(is_not_steered());
    ASSERT_FALSE(steer(by({1})));
    EXPECT_EQ(steer(by(std::vector<std::uint32_t>(129))), errno_code(EINVAL));
    EXPECT_TRUE(logged("refuses the hash mapping's size")) << log;
    EXPECT_TRUE(is_not_steered());
    EXPECT_EQ(steer(by(std::vector<std::uint32_t>(1025))), errno_code(EINVAL));
    ASSERT_FALSE(steer(by(std::vector<std::uint32_t>(128, 1))));
    EXPECT_TRUE(all_go_to(1));
}

TEST_F(front_steering_test, ABackendWithoutAControlRingIsReportedAndServed) {
    auto serving_options = usual_options();
    serving_options.features.max_queues = 2;
    serving_options.features.control_ring = false;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), steering(by({1})));
    ASSERT_FALSE(connect());
    EXPECT_TRUE(logged("no control ring")) << log;
    EXPECT_EQ(steer(by({0})), errc::feature_missing);
    EXPECT_TRUE(is_not_steered());
}

TEST_F(front_steering_test, ItNeedsNoStaticGrants) {
    auto chosen = steering(by({1}));
    chosen.static_grants = false;
    connect_pair(std::move(chosen), 2);
    EXPECT_TRUE(eventually([&] { return all_go_to(1); })) << log;
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 5U) << "the rings";
}

} // namespace
} // namespace xenring::frontend::test
