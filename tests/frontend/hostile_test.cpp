// Backends that lie: each ends its connection under a name, and the next one works.
#include "hostile_fixture.hpp"

#include <xenring/grant/ledger.hpp>

namespace xenring::frontend::test {
namespace {

TEST_F(hostile_test, AnHonestBackendIsServed) {
    connect_pair();
    for (int i = 0; i != 1000; ++i)
        ASSERT_NO_FATAL_FAILURE(expect_traffic());
}

struct attack {
    const char* name;
    std::function<void(backend_end&)> act;
    const char* says;
};

std::vector<attack> attacks() {
    const auto tx = [](netif::tx_response response) {
        return [response](backend_end& back) { back.answer_tx(response); };
    };
    const auto rx = [](std::vector<netif::rx_response> responses) {
        return [responses](backend_end& back) { back.answer_rx(responses); };
    };
    return {
        {"TxIdThatIsNone", tx({999, 0}), "tx ring"},
        {"TxIdThatWasNotSent", tx({200, 0}), "tx ring"},
        {"TxStatusThatIsNone", tx({0, 77}), "tx ring"},
        {"TxExtraThatWasNotSent", tx({0, netif::response_status::null}), "tx ring"},
        {"TxAnsweredTwice",
         [](backend_end& back) {
             back.answer_tx({0, 0});
             back.answer_tx({0, 0});
         },
         "tx ring"},
        {"TxProducerBeyondRequests", [](backend_end& back) { back.tx_word(2) = 3; }, "tx ring"},
        {"TxProducerFarAway", [](backend_end& back) { back.tx_word(2) = 0x80000000; }, "tx ring"},
        {"RxProducerBeyondRequests", [](backend_end& back) { back.rx_word(2) = 257; }, "rx ring"},
        {"RxProducerWentBack", [](backend_end& back) { back.rx_word(2) = 0xffffffff; }, "rx ring"},
        {"RxIdOfAnotherSlot", rx({{5, 0, 0, 100}}), "id of another slot"},
        {"RxOverThePage", rx({{0, 4000, 0, 100}}), "cross the end"},
        {"RxSizeOfMoreThanAPage", rx({{0, 0, 0, 4097}}), "cross the end"},
        {"RxUnfinished", rx({{0, 0, netif::rx_flag::more_data, 100}}), "not complete"},
        {"RxExtraMissing", rx({{0, 0, netif::rx_flag::extra_info, 100}}), "not complete"},
        {"RxUnknownExtra",
         rx({{0, 0, netif::rx_flag::extra_info, 100}, netif::rx_slot_of({9, 0, {}})}),
         "unknown type"},
        {"RxGsoOfNothing",
         rx({{0, 0, netif::rx_flag::extra_info, 100},
             netif::rx_slot_of(netif::encode(netif::segmentation{0, netif::gso_type::tcpv4, 0}))}),
         "is zero"},
        {"RxEndless",
         [](backend_end& back) {
             std::vector<netif::rx_response> chain;
             for (std::uint16_t i = 0; i != 40; ++i)
                 chain.push_back({i, 0, netif::rx_flag::more_data, 10});
             back.answer_rx(chain);
         },
         "no end"},
        {"RxOldSegmentationPrefix", rx({{0, 0, netif::rx_flag::gso_prefix, 100}}), "nobody asked"},
    };
}

class attack_test : public hostile_test, public testing::WithParamInterface<attack> {};

TEST_P(attack_test, EndsTheConnectionUnderItsName) {
    connect_pair();
    ASSERT_TRUE(send()) << "something to be lied about";
    begin_receive();
    run_for(5ms);
    GetParam().act(back);
    back.notify();
    run_for(20ms);
    if (!received)
        (void)send(); // a netfront that nobody uses need not look at its answers
    ASSERT_NO_FATAL_FAILURE(expect_broken(GetParam().says)) << log;
}

INSTANTIATE_TEST_SUITE_P(, attack_test, testing::ValuesIn(attacks()),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST_F(hostile_test, APacketThatIsRefusedIsOneHoweverManySlotsItHad) {
    connect_pair();
    for (std::uint64_t round = 1; round != 400; ++round) {
        ASSERT_TRUE(send(9000));
        ASSERT_TRUE(send(50));
        back.answer_all_tx(netif::response_status::error);
        ASSERT_TRUE(send(5000)); // which looks at the answers
        EXPECT_EQ(net->statistics().tx.rejected, 2 * round);
        back.answer_all_tx(netif::response_status::okay);
    }
}

TEST_F(hostile_test, Xsa405_APacketThatFailedIsDroppedAlone) {
    connect_pair();
    back.answer_rx({{0, 0, 0, -1}});
    back.answer_rx({{1, 0, 0, 5}});
    back.answer_rx(
        {{2, 0, netif::rx_flag::extra_info, 100},
         netif::rx_slot_of(netif::encode(netif::segmentation{1448, netif::gso_type::tcpv4, 0}))});
    back.notify();
    expect_traffic();
    EXPECT_EQ(net->statistics().rx.rejected, 3U) << "one of them was segmented, unasked";
}

TEST_F(hostile_test, Xsa457_EveryBufferOfAPacketThatFailedIsPostedAgain) {
    connect_pair();
    begin_receive();
    const auto granted = guest.hypervisor().accounts().granted();
    for (std::uint64_t failed = 0; failed != 1000; ++failed) { // four times as many as there are
        back.fail_rx();
        ASSERT_TRUE(eventually([&] { return net->statistics().rx.rejected == failed + 1; })) << log;
    }
    EXPECT_EQ(guest.hypervisor().accounts().granted(), granted);
    EXPECT_FALSE(received);
    back.deliver(udp_frame(100));
    EXPECT_TRUE(eventually([&] { return received && !*received; })) << log;
}

TEST_F(hostile_test, FramesOfAnUntrustedBackendDoNotChangeAfterwards) {
    back.make_device({{"trusted", "0"}});
    ASSERT_FALSE(connect()) << log;
    EXPECT_FALSE(net->device().trusted);
    begin_receive();
    const auto bytes = udp_frame(500);
    back.deliver(bytes);
    ASSERT_TRUE(eventually([&] { return received.has_value(); }));
    back.scribble(0);
    frame_bytes seen(frame.size());
    frame.copy_to(seen);
    EXPECT_EQ(seen, bytes);
}

TEST_F(hostile_test, Xsa403_AnUntrustedBackendSeesNothingBesideTheFrame) {
    back.make_device({{"trusted", "0"}});
    ASSERT_FALSE(connect()) << log;
    auto secret = net->prepare(4000);
    secret.fill(frame_bytes(4000, std::byte{0x5a}));
    secret = {};
    ASSERT_TRUE(send(20)); // in the same page, which was given back last
    const auto page = back.page_of_next_request();
    for (const auto byte : page)
        ASSERT_NE(byte, std::byte{0x5a});
}

TEST_F(hostile_test, Xsa391_EventsWithoutACauseAreSlowedDown) {
    connect_pair();
    begin_receive();
    const auto limit = std::chrono::steady_clock::now() + 200ms;
    while (std::chrono::steady_clock::now() < limit) {
        back.notify();
        io.restart();
        io.poll();
    }
    EXPECT_LE(net->statistics().rx.events, 8U + 200 + 8)
        << "one a millisecond, after the first few";
    EXPECT_FALSE(received);
    ASSERT_TRUE(send());
    back.echo();
    EXPECT_TRUE(eventually([&] { return received.has_value(); }));
}

struct bad_key {
    const char* name;
    const char* value;
    errc expected;
};
class bad_key_test : public hostile_test, public testing::WithParamInterface<bad_key> {};

TEST_P(bad_key_test, IsNamedAndCanBeMended) {
    const auto& [name, value, expected] = GetParam();
    back.features[name] = value;
    back.make_device();
    EXPECT_EQ(connect(), expected) << log;
    EXPECT_NE(net->problem().find(name), std::string::npos) << net->problem();
    back.features = backend_end::usual_features();
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

INSTANTIATE_TEST_SUITE_P(
    , bad_key_test,
    testing::Values(bad_key{"feature-rx-copy", "0", errc::feature_missing},
                    bad_key{"feature-rx-copy", "yes", errc::device_keys_malformed},
                    bad_key{"feature-sg", "99999999999", errc::device_keys_malformed},
                    bad_key{"multi-queue-max-queues", "0", errc::device_keys_malformed},
                    bad_key{"multi-queue-max-queues", "-1", errc::device_keys_malformed}));

TEST_F(hostile_test, AnEventChannelThatBreaksEndsTheConnection) {
    connect_pair();
    begin_receive();
    run_for(5ms);
    machine.faults().fail(local::call::read_pending, 1);
    back.notify();
    EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
    EXPECT_EQ(received, errc::event_overflow);
    EXPECT_EQ(net->problem(), "event channel: " + received->message());
    EXPECT_TRUE(eventually([&] { return log.find("Closed") != std::string::npos; })) << log;
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

TEST_F(hostile_test, AStateThatIsGarbageEndsTheConnection) {
    connect_pair();
    begin_receive();
    back.write_state("all your base");
    EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
    EXPECT_TRUE(*received);
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

TEST_F(hostile_test, ABackendThatNeverAnswersCannotHoldUpAClose) {
    connect_pair();
    std::optional<error_code> closed;
    net->async_close([&](const error_code& ec) { closed = ec; });
    EXPECT_TRUE(eventually([&] { return closed.has_value(); })) << log;
    EXPECT_EQ(back.frontend_state(), "6");
}

} // namespace
} // namespace xenring::frontend::test
