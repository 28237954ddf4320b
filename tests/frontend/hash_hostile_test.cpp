// Backends that refuse or lie when they are told how to steer.
#include "control_hostile_fixture.hpp"

namespace xenring::frontend::test {
namespace {

class hash_hostile_test : public control_hostile_test {
protected:
    hash_hostile_test() {
        options.static_grants = false;
        options.steering = hash_steering{.mapping = {0, 0}};
    }
    void steer(std::optional<hash_steering> how) {
        steered.reset();
        net->async_steer(std::move(how), [this](const error_code& ec) { steered = ec; });
    }
    error_code outcome() {
        EXPECT_TRUE(eventually([&] { return steered.has_value(); })) << log;
        return steered.value_or(errc::timed_out);
    }
    std::uint16_t accept() {
        const auto request = next_request();
        answer(netif::respond(request, control_status::success));
        return request.type;
    }
    void accept_all() {
        for (const unsigned type : {7u, 3u, 5u, 6u, 2u})
            EXPECT_EQ(accept(), type);
    }

    std::optional<error_code> steered;
};

TEST_F(hash_hostile_test, WhatWasWantedFromTheStartIsSaidFirst) {
    options.static_grants = true;
    connect_control();
    EXPECT_EQ(accept(), control_type::set_hash_algorithm);
    for (const unsigned type : {3u, 5u, 6u, 2u, 8u})
        EXPECT_EQ(accept(), type);
    expect_traffic();
}

TEST_F(hash_hostile_test, EveryStatusIsReportedAndNoneEndsTheConnection) {
    connect_control();
    accept_all();
    const std::pair<std::uint32_t, error_code> all[] = {{1, errno_code(ENOTSUP)},
                                                        {2, errno_code(EINVAL)},
                                                        {3, errno_code(EMSGSIZE)},
                                                        {77, errc::protocol_violation},
                                                        {0xffff'ffff, errc::protocol_violation}};
    for (const auto& [status, means] : all) {
        log.clear();
        steer(hash_steering{});
        accept();
        answer(netif::respond(next_request(), status, 12345));
        const auto off = next_request();
        EXPECT_EQ(off.data[0], netif::hash_algorithm::none);
        answer(netif::respond(off, status));
        EXPECT_EQ(outcome(), means);
        EXPECT_NE(log.find("refuses the hash key (status " + std::to_string(status)),
                  std::string::npos)
            << log;
    }
    expect_traffic();
}

TEST_F(hash_hostile_test, AResponseToAnotherRequestEndsTheConnectionAndTheWait) {
    connect_control();
    accept_all();
    steer(hash_steering{});
    auto lie = netif::respond(next_request(), control_status::success);
    ++lie.id;
    answer(lie);
    EXPECT_EQ(outcome(), condition::peer_misbehaved);
    expect_broken_control();
}

TEST_F(hash_hostile_test, ABackendThatNeverAnswersHoldsNothingElseUp) {
    connect_control();
    steer(hash_steering{});
    std::optional<error_code> second;
    net->async_steer(std::nullopt, [&](const error_code& ec) { second = ec; });
    EXPECT_TRUE(eventually([&] { return second.has_value(); }));
    EXPECT_EQ(second, boost::asio::error::already_started);
    expect_traffic();
    net.reset();
    EXPECT_EQ(outcome(), boost::asio::error::operation_aborted);
}

TEST_F(hash_hostile_test, WhatIsWantedMeanwhileIsSaidFromTheBeginning) {
    connect_control();
    accept();
    const auto late = next_request();
    EXPECT_EQ(late.type, control_type::set_hash_key);
    steer(hash_steering{.types = netif::hash_type::ipv6});
    answer(netif::respond(late, control_status::invalid_parameter)); // which is of no interest
    for (const unsigned type : {7u, 3u, 5u})
        EXPECT_EQ(accept(), type);
    const auto types = next_request();
    EXPECT_EQ(types.type, control_type::set_hash_flags);
    EXPECT_EQ(types.data[0], netif::hash_type::ipv6);
    EXPECT_FALSE(steered);
    answer(netif::respond(types, control_status::success));
    EXPECT_FALSE(outcome());
}

TEST_F(hash_hostile_test, AnEventWithoutACauseHasAllSaidAgain) {
    connect_control();
    accept_all();
    std::optional<netif::ctrl_request> again;
    EXPECT_TRUE(eventually([&] {
        port_.notify();
        return (again = ring->pop()).has_value();
    })) << log;
    EXPECT_EQ(again.value_or(netif::ctrl_request{}).type, control_type::set_hash_algorithm);
    expect_traffic();
}

TEST_F(hash_hostile_test, ABackendWithoutAControlRingIsReported) {
    back.features.erase("feature-ctrl-ring");
    connect_pair();
    EXPECT_NE(log.find("no control ring"), std::string::npos) << log;
    steer(hash_steering{});
    EXPECT_EQ(outcome(), errc::feature_missing);
    expect_traffic();
}

TEST_F(hash_hostile_test, AHashThatNobodyAskedForIsOnlyAHint) {
    options.steering.reset();
    connect_pair();
    const netif::packet_hash made_up{200, 99, 0xdead'beef};
    const auto bytes = udp_frame(100);
    back.deliver_with(bytes, netif::encode(made_up));
    begin_receive();
    EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
    EXPECT_EQ(frame.info().hash, made_up);
    EXPECT_EQ(frame.size(), bytes.size());
    EXPECT_EQ(frame.queue(), 0U);
}

} // namespace
} // namespace xenring::frontend::test
