// A netfront with several queues: each works as a single one does, and none outlives another.
#include "pair_fixture.hpp"

#include <xenring/grant/ledger.hpp>

#include <array>
#include <cstring>

namespace xenring::frontend::test {
namespace {

using net::test::tcp_frame;
using net::test::udp_frame;

class queues_test : public pair_test {
protected:
    netfront_options with_queues(std::size_t count) {
        auto chosen = front_options();
        chosen.queues = count;
        return chosen;
    }
    void connect_two() { connect_pair(with_queues(2), 4); }

    bool told(const std::string& key) {
        error_code ec;
        return dom0.store().exists(frontend(1) + '/' + key, ec);
    }
    std::string word(const std::string& key) { return dom0.store().read(frontend(1) + '/' + key); }

    void expect_traffic() {
        for (std::size_t flow = 0; flow != net->queue_count(); ++flow) {
            const auto frame = udp_frame(300 + flow);
            ASSERT_FALSE(send(frame, {}, flow)) << log;
            ASSERT_EQ(receive_outside().frame, frame);
            outside().send(frame, {}, flow);
            error_code ec;
            const auto back = receive(ec);
            ASSERT_EQ(bytes_of(back), frame);
            EXPECT_EQ(back.queue(), flow);
        }
    }
    /// A ring of the frontend's, by its key, as only a backend should see it.
    mapped_pages<access::read_write> map_ring(const std::string& key) {
        const foreign_grant page{domid{1},
                                 grant_ref{static_cast<std::uint32_t>(std::stoul(word(key)))}};
        return dom0.hypervisor().map<access::read_write>(std::span{&page, 1});
    }
    bool nothing_is_left() {
        return eventually([&] {
            const auto left = machine.statistics().of(domid{1});
            return left.pages_granted + left.pages_deferred + left.ports + left.watches == 0;
        });
    }
};

TEST_F(queues_test, EachHasADirectoryOfItsOwn) {
    connect_two();
    EXPECT_EQ(net->queue_count(), 2U);
    EXPECT_EQ(word("multi-queue-num-queues"), "2");
    for (const std::string queue : {"queue-0/", "queue-1/"}) {
        for (const char* key : {"tx-ring-ref", "rx-ring-ref", "event-channel-tx"}) {
            EXPECT_TRUE(told(queue + key)) << key;
            EXPECT_FALSE(told(key)) << key;
        }
        EXPECT_FALSE(told(queue + "event-channel"));
    }
    EXPECT_NE(word("queue-0/tx-ring-ref"), word("queue-1/tx-ring-ref"));
}

TEST_F(queues_test, TheyMayShareAnEventChannelEach) {
    auto chosen = with_queues(2);
    chosen.split_event_channels = false;
    connect_pair(std::move(chosen), 2);
    EXPECT_TRUE(told("queue-1/event-channel"));
    EXPECT_FALSE(told("queue-1/event-channel-tx"));
    expect_traffic();
}

TEST_F(queues_test, ABackendMayOfferFewer) {
    connect_pair(with_queues(8), 3);
    EXPECT_EQ(net->queue_count(), 3U);
    expect_traffic();
}

TEST_F(queues_test, OneIsPublishedAsItEverWas) {
    connect_pair(with_queues(8), 1);
    EXPECT_EQ(net->queue_count(), 1U);
    EXPECT_EQ(word("multi-queue-num-queues"), "1");
    EXPECT_TRUE(told("tx-ring-ref"));
    EXPECT_FALSE(told("queue-0"));
    expect_traffic();
}

TEST_F(queues_test, AFlowStaysOnItsQueue) {
    connect_two();
    for (const std::size_t flow : {0U, 1U, 3U, 5U, 4'000'000'001U})
        ASSERT_FALSE(send(udp_frame(100), {}, flow));
    for (int i = 0; i != 5; ++i)
        receive_outside();
    EXPECT_EQ(net->queue_statistics()[0].tx.packets, 1U);
    EXPECT_EQ(net->queue_statistics()[1].tx.packets, 4U);
    EXPECT_EQ(net->statistics().tx.packets, 5U);
    EXPECT_TRUE(eventually([&] {
        const auto queues = serving->vifs().front().queues;
        return queues[0].tx.packets == 1 && queues[1].tx.packets == 4;
    }));
}

/// Exchanges what stands at two places of a frame.
frame_bytes swapped(frame_bytes frame, std::size_t first, std::size_t second, std::size_t size) {
    const auto at = [&](std::size_t offset) { return frame.begin() + static_cast<long>(offset); };
    std::swap_ranges(at(first), at(first + size), at(second));
    return frame;
}

TEST_F(queues_test, AConnectionIsOneFlowInBothDirections) {
    for (const bool ipv6 : {false, true}) {
        const std::size_t addresses = ipv6 ? 22 : 26, length = ipv6 ? 16 : 4;
        const std::size_t ports = ipv6 ? 54 : 34;
        const auto there = tcp_frame(100, ipv6);
        const auto back =
            swapped(swapped(there, addresses, addresses + length, length), ports, ports + 2, 2);
        EXPECT_NE(there, back);
        EXPECT_EQ(netfront::flow_of(there), netfront::flow_of(back));
        auto other = there;
        other[ports] ^= std::byte{1};
        EXPECT_NE(netfront::flow_of(there), netfront::flow_of(other));
    }
    EXPECT_EQ(netfront::flow_of(frame_bytes(60)), 0U);
    EXPECT_EQ(netfront::flow_of({}), 0U);
}

TEST_F(queues_test, AReceiverWaitsForAllOfThem) {
    connect_two();
    for (const std::size_t queue : {1U, 0U, 1U, 1U, 0U}) {
        std::optional<std::size_t> came_by;
        net->async_receive([&](const error_code& ec, received_frame frame) {
            EXPECT_FALSE(ec);
            came_by = frame.queue();
        });
        io.restart();
        io.run_for(2ms);
        EXPECT_FALSE(came_by);
        outside().send(udp_frame(50), {}, queue);
        EXPECT_TRUE(eventually([&] { return came_by.has_value(); })) << log;
        EXPECT_EQ(came_by, queue);
    }
}

TEST_F(queues_test, ABusyOneDoesNotHoldUpTheOthers) {
    connect_two();
    for (int i = 0; i != 100; ++i)
        outside().send(udp_frame(50), {}, 0);
    outside().send(udp_frame(60), {}, 1);
    EXPECT_TRUE(eventually([&] {
        const auto queues = serving->vifs().front().queues;
        return queues[0].rx.packets == 100 && queues[1].rx.packets == 1;
    }));
    error_code ec;
    const std::array first{receive(ec).queue(), receive(ec).queue()};
    EXPECT_NE(first[0], first[1]);
}

TEST_F(queues_test, EachHasItsOwnRoomAndItsOwnWait) {
    auto chosen = with_queues(2);
    chosen.tx_pages = 8;
    connect_pair(std::move(chosen), 2);
    std::array<std::vector<outgoing_frame>, 2> made;
    for (const std::size_t queue : {0U, 1U})
        while (auto frame = net->prepare(100, queue))
            made[queue].push_back(std::move(frame));
    EXPECT_EQ(made[0].size(), 4U);
    EXPECT_EQ(made[1].size(), 4U);
    std::array<std::optional<error_code>, 3> done;
    net->async_wait_room(100, 0, [&](const error_code& ec) { done[0] = ec; });
    net->async_wait_room(100, 1, [&](const error_code& ec) { done[1] = ec; });
    net->async_wait_room(100, 3, [&](const error_code& ec) { done[2] = ec; });
    EXPECT_TRUE(eventually([&] { return done[2].has_value(); }));
    EXPECT_EQ(done[2], boost::asio::error::already_started);
    made[1].clear();
    EXPECT_TRUE(eventually([&] { return done[1].has_value(); }));
    EXPECT_FALSE(done[0]);
    EXPECT_FALSE(*done[1]);
    made[0].pop_back();
    EXPECT_TRUE(eventually([&] { return done[0].has_value(); }));
}

/// Numbered frames of three flows: each flow in its order, every byte as it was.
TEST_F(queues_test, ManyFramesOfManyFlowsKeepTheirOrderAndContent) {
    constexpr std::size_t flows = 3, count = 30'000;
    connect_pair(with_queues(flows), flows);
    const auto sample = udp_frame(1400);
    const auto numbered = [&](std::size_t flow, std::size_t number) {
        frame_bytes out{sample.begin(), sample.begin() + static_cast<long>(60 + number % 1300)};
        out[50] = static_cast<std::byte>(flow);
        std::memcpy(out.data() + 51, &number, sizeof number);
        return out;
    };
    std::array<std::size_t, flows> sent{}, came{};
    const auto step = [&] {
        for (std::size_t flow = 0; flow != flows; ++flow)
            while (sent[flow] != count && sent[flow] - came[flow] < 32 &&
                   !send(numbered(flow, sent[flow]), {}, flow))
                ++sent[flow];
        for (auto out = outside().receive(); !out.frame.empty(); out = outside().receive())
            outside().send(out.frame, {}, std::to_integer<std::size_t>(out.frame[50]));
        error_code ec;
        while (const auto frame = net->receive(ec)) {
            const auto flow = frame.queue();
            ASSERT_EQ(bytes_of(frame), numbered(flow, came[flow]++));
        }
        ASSERT_FALSE(ec);
    };
    ASSERT_TRUE(eventually([&] {
        for (int i = 0; i != 100 && !HasFatalFailure(); ++i) {
            step();
            io.restart();
            io.poll();
        }
        return HasFatalFailure() || came == std::array{count, count, count};
    }));
}

TEST_F(queues_test, AnUntrustedBackendIsServedByAll) {
    connect_pair(with_queues(2), 2, {{"trusted", "0"}});
    EXPECT_FALSE(net->device().trusted);
    expect_traffic();
}

TEST_F(queues_test, ThePagesOfAllAreMappedOnce) {
    connect_two();
    const auto mapped = [&] { return machine.statistics().of(domid{0}).pages_mapped; };
    EXPECT_TRUE(eventually([&] { return mapped() == 4 + 1 + 512; })) << mapped();
    io.restart();
    io.run_for(50ms); // the last list is mapped before it is known
    expect_traffic();
    const auto vifs = serving->vifs();
    ASSERT_EQ(vifs.front().queues.size(), 4U);
    for (std::size_t i = 0; i != 2; ++i) {
        const auto& queue = vifs.front().queues[i];
        EXPECT_GT(queue.tx.static_segments, 0U);
        EXPECT_GT(queue.rx.static_segments, 0U);
    }
}

TEST_F(queues_test, AnotherConnectionMayHaveMoreOrFewer) {
    for (const std::size_t offered : {2U, 1U, 4U}) {
        auto serving_options = usual_options();
        serving_options.features.max_queues = offered;
        if (serving)
            stop();
        ended.reset();
        start(std::move(serving_options));
        if (!net) {
            make_device();
            net = std::make_unique<netfront>(guests.at(1), with_queues(4));
        }
        ASSERT_FALSE(connect()) << log;
        EXPECT_EQ(net->queue_count(), offered);
        EXPECT_EQ(told("queue-1"), offered > 1);
        EXPECT_EQ(told("tx-ring-ref"), offered == 1);
        EXPECT_EQ(told("queue-3"), offered == 4);
        expect_traffic();
        EXPECT_FALSE(close());
    }
}

TEST_F(queues_test, ABackendThatIsRestartedGoesOnWithAll) {
    auto serving_options = usual_options();
    serving_options.features.max_queues = 2;
    auto first = std::make_unique<backend::test::killable_netback>(machine, serving_options);
    make_device();
    net = std::make_unique<netfront>(guests.at(1), with_queues(2));
    std::optional<error_code> result;
    net->async_connect(0, [&](const error_code& ec) { result = ec; });
    ASSERT_TRUE(eventually(*first, [&] {
        if (state(1) == "2" && !result)
            script_done(1);
        return result.has_value() && state(1) == "4";
    })) << log;
    first.reset();
    wires.clear();
    ASSERT_FALSE(send(udp_frame(77), {}, 1)) << "while nobody is there";
    start(std::move(serving_options));
    EXPECT_TRUE(eventually([&] {
        const auto found = wires.find("vif1.0");
        return found && found->receive().frame == udp_frame(77);
    })) << log;
    expect_traffic();
}

TEST_F(queues_test, NothingOfAnyIsLeftOver) {
    connect_two();
    expect_traffic();
    EXPECT_FALSE(close());
    EXPECT_TRUE(reaches(1, "6"));
    net.reset();
    EXPECT_TRUE(nothing_is_left()) << to_string(machine.statistics());
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
}

TEST_F(queues_test, ACallThatFailsForTheSecondLeavesNothingOver) {
    using local::call;
    auto serving_options = usual_options();
    serving_options.features.max_queues = 2;
    start(std::move(serving_options));
    make_device();
    for (const auto what : {call::share, call::bind_unbound})
        for (unsigned nth = 1; nth != 8; ++nth) {
            SCOPED_TRACE(std::to_string(static_cast<int>(what)) + ' ' + std::to_string(nth));
            net = std::make_unique<netfront>(guests.at(1), with_queues(2));
            machine.faults().fail(what, nth);
            const auto ec = connect();
            machine.faults().clear();
            EXPECT_TRUE(eventually([&] {
                return !ec || machine.statistics().of(domid{1}).pages_granted == 0;
            })) << to_string(machine.statistics());
            EXPECT_FALSE(close());
            net.reset();
            EXPECT_TRUE(nothing_is_left()) << to_string(machine.statistics());
        }
}

TEST_F(queues_test, ALieOnOneBreaksAll) {
    connect_two();
    expect_traffic();
    for (const std::string ring : {"tx", "rx"}) {
        auto page = map_ring("queue-1/" + ring + "-ring-ref");
        const std::uint32_t beyond = 100'000;
        std::memcpy(page.bytes().data() + 8, &beyond, sizeof beyond); // rsp_prod
        page.reset();
        std::optional<error_code> received;
        net->async_receive([&](const error_code& ec, received_frame) { received = ec; });
        (void)send(udp_frame(10), {}, 1);
        EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
        EXPECT_EQ(received, condition::peer_misbehaved);
        EXPECT_NE(net->problem().find("queue 1: " + ring + " ring"), std::string::npos)
            << net->problem();
        EXPECT_TRUE(eventually([&] { return !net->is_connected(); }));
        ASSERT_FALSE(connect()) << log;
        while (!outside().receive().frame.empty())
            continue; // one may have gone out beside the lie
        expect_traffic();
    }
}

} // namespace
} // namespace xenring::frontend::test
