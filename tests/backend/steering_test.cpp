// A guest that has its frames steered by hash over the control ring.
#include "../net/frames.hpp"
#include "control_end.hpp"

#include <array>
#include <numeric>

namespace xenring::backend::test {
namespace {

using net::test::udp_frame;

class steering_test : public control_fixture {
protected:
    /// A guest with two queues and a control ring.
    void connect_two(bool scatter_gather = true, std::chrono::milliseconds drain = 10min) {
        auto chosen = usual_options();
        chosen.features.max_queues = 2;
        chosen.features.scatter_gather = scatter_gather;
        chosen.limits.drain = drain;
        start(std::move(chosen));
        auto& here = open_guest(1);
        control = std::make_unique<control_end>(here);
        for (auto& each : queues)
            each = std::make_unique<guest_end>(here, 0);
        offer_vif(1);
        queues[0]->publish(control->beside(keys_of_two(*queues[0], *queues[1])));
        ASSERT_TRUE(reaches(1, "4")) << log;
    }
    void post(std::size_t queue, std::size_t count) {
        queues[queue]->post(count);
        queues[queue]->kick();
    }

    std::uint32_t set_key(const std::vector<std::uint8_t>& key) {
        control->fill_list(key);
        return status(control_type::set_hash_key, control->list_reference(),
                      static_cast<std::uint32_t>(key.size()));
    }
    std::uint32_t set_mapping(const std::vector<std::uint32_t>& mapping, std::uint32_t offset = 0) {
        control->fill_list(mapping);
        return status(control_type::set_hash_mapping, control->list_reference(),
                      static_cast<std::uint32_t>(mapping.size()), offset);
    }
    /// The same for the oracle, which is the ring room's.
    void steer(std::uint32_t types, const std::vector<std::uint32_t>& mapping) {
        std::vector<std::uint8_t> key(netif::max_hash_key);
        std::iota(key.begin(), key.end(), std::uint8_t{0x6d});
        const auto entries = static_cast<std::uint32_t>(mapping.size());
        EXPECT_EQ(status(control_type::set_hash_algorithm, netif::hash_algorithm::toeplitz), 0U);
        EXPECT_EQ(status(control_type::set_hash_flags, types), 0U);
        EXPECT_EQ(set_key(key), 0U);
        EXPECT_EQ(status(control_type::set_hash_mapping_size, entries), 0U);
        EXPECT_EQ(set_mapping(mapping), 0U);
        EXPECT_EQ(oracle.set_algorithm(netif::hash_algorithm::toeplitz), 0U);
        EXPECT_EQ(oracle.set_types(types), 0U);
        EXPECT_EQ(oracle.set_key(key), 0U);
        EXPECT_EQ(oracle.set_mapping_size(entries), 0U);
        EXPECT_EQ(oracle.set_mapping(0, mapping), 0U);
    }

    /// From the `number`-th of many addresses.
    static net::test::frame_bytes frame_from(unsigned number) {
        auto frame = udp_frame(100);
        frame[28] = static_cast<std::byte>(number >> 8);
        frame[29] = static_cast<std::byte>(number);
        return frame;
    }
    static unsigned number_of(const std::vector<std::byte>& frame) {
        return std::to_integer<unsigned>(frame[28]) * 256 + std::to_integer<unsigned>(frame[29]);
    }
    guest_end::received await(std::size_t queue) {
        guest_end::received out;
        EXPECT_TRUE(eventually([&] {
            out = queues[queue]->receive();
            return !out.bytes.empty();
        })) << log;
        return out;
    }

    std::array<std::unique_ptr<guest_end>, 2> queues;
    netif::steering oracle{2};
};

TEST_F(steering_test, TheHashOfAFrameDecidesItsQueueAndIsTold) {
    connect_two();
    steer(netif::hash_type::ipv4, {0, 1, 1, 0, 1});
    std::array<std::vector<unsigned>, 2> expected;
    for (unsigned i = 0; i != 100; ++i)
        expected[oracle.queue_of(oracle.hash(frame_from(i))->value)].push_back(i);
    for (const std::size_t queue : {0U, 1U}) {
        ASSERT_GE(expected[queue].size(), 10U);
        post(queue, 2 * expected[queue].size()); // the hash takes a buffer of its own
    }
    for (unsigned i = 0; i != 100; ++i)
        wires.at("vif1.0")->send(frame_from(i), {}, i % 2); // from either queue of the TAP
    for (const std::size_t queue : {0U, 1U}) {
        std::vector<unsigned> found;
        while (found.size() != expected[queue].size()) {
            const auto got = await(queue);
            ASSERT_FALSE(got.bytes.empty());
            found.push_back(number_of(got.bytes));
            EXPECT_EQ(got.bytes, frame_from(found.back()));
            EXPECT_EQ(got.hash, oracle.hash(got.bytes));
        }
        std::ranges::sort(found);
        EXPECT_EQ(found, expected[queue]);
    }
    EXPECT_EQ(counts("vif1.0").rx.packets, 100U);
    EXPECT_EQ(counts("vif1.0").rx.lost(), 0U);
    stop();
}

TEST_F(steering_test, FramesOfOtherKindsGoWhereAHashOfZeroDoes) {
    connect_two();
    steer(netif::hash_type::ipv6, {1, 0});
    for (const std::size_t queue : {0U, 1U})
        post(queue, 20);
    for (unsigned i = 0; i != 10; ++i)
        wires.at("vif1.0")->send(frame_from(i));
    for (unsigned i = 0; i != 10; ++i) {
        const auto got = await(1);
        EXPECT_EQ(number_of(got.bytes), i) << "in their order";
        EXPECT_FALSE(got.hash);
    }
    EXPECT_TRUE(queues[0]->receive().bytes.empty());
    stop();
}

TEST_F(steering_test, WithoutScatterGatherTheHashIsToldTooAndMayChange) {
    connect_two(false);
    for (const std::uint32_t queue : {1U, 0U, 1U}) {
        steer(netif::hash_type::all, {queue});
        post(queue, 2);
        wires.at("vif1.0")->send(frame_from(7));
        const auto got = await(queue);
        EXPECT_EQ(got.bytes, frame_from(7));
        EXPECT_EQ(got.hash, oracle.hash(got.bytes));
    }
    EXPECT_EQ(status(control_type::set_hash_algorithm, netif::hash_algorithm::none), 0U);
    for (const std::size_t queue : {0U, 1U})
        post(queue, 1);
    wires.at("vif1.0")->send(frame_from(8));
    guest_end::received got;
    EXPECT_TRUE(eventually([&] {
        for (const auto& each : queues)
            if (got.bytes.empty())
                got = each->receive();
        return !got.bytes.empty();
    }));
    EXPECT_FALSE(got.hash);
    stop();
}

TEST_F(steering_test, AQueueThatIsNotServedHoldsUpItsOwnFramesOnly) {
    connect_two();
    steer(netif::hash_type::ipv4, {0, 1});
    std::array<unsigned, 2> from{};
    for (const std::uint32_t queue : {0U, 1U})
        while (oracle.queue_of(oracle.hash(frame_from(from[queue]))->value) != queue)
            ++from[queue];
    auto& wire = *wires.at("vif1.0");
    const auto crowded = [&] { return counts("vif1.0").rx.crowded; };
    error_code full;
    ASSERT_TRUE(eventually([&] {
        while (crowded() == 0 && wire.try_send(frame_from(from[1]), full, 1)) {
            io.restart();
            io.poll();
        }
        return crowded() != 0;
    })) << "queue 1 has no buffers";
    post(0, 20);
    for (const std::size_t way : {0U, 1U}) { // also behind frames that nobody takes
        ASSERT_TRUE(eventually([&] { return wire.try_send(frame_from(from[0]), full, way); }));
        EXPECT_EQ(await(0).bytes, frame_from(from[0]));
    }
    post(1, 100);
    for (unsigned i = 0; i != 50; ++i)
        EXPECT_EQ(await(1).bytes, frame_from(from[1]));
    stop();
}

TEST_F(steering_test, WhatNobodyTakesForTooLongIsDroppedAndNothingElse) {
    connect_two(true, 50ms);
    steer(netif::hash_type::ipv4, {1});
    for (unsigned i = 0; i != 200; ++i)
        wires.at("vif1.0")->send(frame_from(i), {}, i % 2);
    EXPECT_TRUE(eventually([&] { return counts("vif1.0").rx.expired == 200; }))
        << counts("vif1.0").rx.expired;
    steer(netif::hash_type::ipv4, {0});
    post(0, 2);
    wires.at("vif1.0")->send(frame_from(7), {}, 1);
    EXPECT_EQ(await(0).bytes, frame_from(7));
    stop();
}

TEST_F(steering_test, ABurstOfLargeSegmentsChangesOverWhole) {
    connect_two();
    steer(netif::hash_type::all, {1});
    const auto frame = net::test::blank(net::test::tcp_frame(60'000));
    const net::virtio_header header{.flags = net::virtio_flag::needs_checksum,
                                    .gso_type = net::virtio_gso::tcpv4,
                                    .header_size = 54,
                                    .gso_size = 1448,
                                    .checksum_start = 34,
                                    .checksum_offset = 16};
    post(1, 255);
    std::size_t arrived = 0;
    for (std::size_t burst = 0; burst != 4; ++burst) {
        for (std::size_t i = 0; i != 3; ++i)
            wires.at("vif1.0")->send(frame, header);
        EXPECT_TRUE(eventually([&] { return !wires.at("vif1.0")->waits(0); }));
    }
    for (; arrived != 12; ++arrived) {
        const auto got = await(1);
        ASSERT_EQ(got.bytes.size(), frame.size());
        EXPECT_TRUE(got.gso && got.hash);
    }
    EXPECT_EQ(counts("vif1.0").rx.lost(), 0U) << describe(counts("vif1.0"));
    stop();
}

TEST_F(steering_test, KeysWithoutEndHoldUpNobody) {
    connect_two();
    auto& other = connected(2);
    control->fill_list(std::vector<std::uint8_t>(40, 1));
    for (unsigned i = 0; i != control->ring.capacity(); ++i)
        control->push(control_type::set_hash_key, control->list_reference(), 40, 0);
    std::size_t answered = 0;
    ASSERT_TRUE(other.send(udp_frame(100)));
    other.kick();
    EXPECT_TRUE(eventually([&] {
        while (control->ring.pop())
            ++answered;
        return !wires.at("vif2.0")->receive().frame.empty();
    }));
    EXPECT_LT(answered, control->ring.capacity()) << "one key a look";
    EXPECT_TRUE(eventually([&] {
        while (control->ring.pop())
            ++answered;
        return answered == control->ring.capacity();
    }));
    stop();
}

TEST_F(steering_test, WhatCannotBeSetIsRefusedAndChangesNothing) {
    connect_two();
    EXPECT_EQ(status(control_type::get_hash_flags), control_status::not_supported)
        << "before there is an algorithm";
    EXPECT_EQ(status(control_type::set_hash_flags, netif::hash_type::all),
              control_status::invalid_parameter);
    EXPECT_EQ(status(control_type::set_hash_algorithm, 2), control_status::invalid_parameter);
    steer(netif::hash_type::ipv4, {1});
    EXPECT_EQ(ask(control_type::get_hash_flags).data, netif::hash_type::all);
    EXPECT_EQ(ask(control_type::get_hash_mapping_size).data, netif::max_hash_mapping);
    EXPECT_EQ(set_key(std::vector<std::uint8_t>(41)), control_status::buffer_overflow);
    EXPECT_EQ(status(control_type::set_hash_key, 30'000, 40), control_status::invalid_parameter)
        << "no such grant";
    EXPECT_EQ(set_mapping({2}), control_status::invalid_parameter) << "no such queue";
    EXPECT_EQ(set_mapping({0}, 0xffff'ffff), control_status::invalid_parameter);
    EXPECT_EQ(status(control_type::set_hash_mapping, 30'000, 1), control_status::invalid_parameter);
    EXPECT_EQ(status(control_type::set_hash_mapping_size, 129), control_status::invalid_parameter);
    post(1, 2);
    wires.at("vif1.0")->send(frame_from(3));
    EXPECT_EQ(await(1).hash, oracle.hash(frame_from(3)));
    stop();
}

} // namespace
} // namespace xenring::backend::test
