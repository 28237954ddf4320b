// Backends that refuse to change the list of multicast groups, lie about it, or say nothing.
#include "hostile_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cerrno>

namespace xenring::frontend::test {
namespace {

using netif::mac_address;
using netif::response_status::dropped;
using netif::response_status::error;
using netif::response_status::okay;

class multicast_hostile_test : public hostile_test {
protected:
    multicast_hostile_test() {
        options.filter_multicast = true;
        back.features["feature-multicast-control"] = "1";
    }
    static mac_address group(unsigned number) {
        return {1, 0, 0x5e, 0, 0, static_cast<std::uint8_t>(number)};
    }
    void join(const mac_address& which) {
        changed.reset();
        net->async_join(which, [this](const error_code& ec) { changed = ec; });
    }
    void leave(const mac_address& which) {
        changed.reset();
        net->async_leave(which, [this](const error_code& ec) { changed = ec; });
    }
    error_code outcome() {
        EXPECT_TRUE(eventually([&] { return changed.has_value(); })) << log;
        return changed.value_or(errc::timed_out);
    }
    backend_end::multicast_request next() {
        std::optional<backend_end::multicast_request> out;
        EXPECT_TRUE(eventually([&] { return (out = back.next_multicast()).has_value(); })) << log;
        return out.value_or(backend_end::multicast_request{});
    }
    void expect_asked(std::uint8_t type, const mac_address& which, std::int16_t status) {
        const auto asked = next();
        EXPECT_EQ(asked.type, type);
        EXPECT_EQ(asked.address, which);
        back.answer_multicast(asked, status);
    }
    void expect_added(const mac_address& which, std::int16_t status = okay) {
        expect_asked(netif::extra_type::multicast_add, which, status);
    }
    void expect_removed(const mac_address& which, std::int16_t status = okay) {
        expect_asked(netif::extra_type::multicast_del, which, status);
    }
    bool said(const std::string& text) const { return log.find(text) != std::string::npos; }

    std::optional<error_code> changed;
};

TEST_F(multicast_hostile_test, ARefusalIsReportedAndTheGroupForgotten) {
    connect_pair();
    for (const auto status : {error, dropped}) {
        log.clear();
        join(group(1));
        expect_added(group(1), status);
        EXPECT_EQ(outcome(), errno_code(ENOBUFS));
        EXPECT_TRUE(said("does not add 01:00:5e:00:00:01")) << log;
    }
    EXPECT_EQ(net->statistics().tx.rejected, 0U) << "no frame was";
    leave(group(1));
    EXPECT_FALSE(outcome()) << "there is nothing to leave";
    EXPECT_FALSE(back.next_multicast());
    expect_traffic();
}

TEST_F(multicast_hostile_test, AGroupThatWasJoinedIsAskedOfTheNextBackendWhateverThisOneSays) {
    connect_pair();
    join(group(1));
    expect_added(group(1));
    EXPECT_FALSE(outcome());
    const auto reconnect = [&] {
        std::optional<error_code> closed;
        net->async_close([&](const error_code& ec) { closed = ec; });
        ASSERT_TRUE(eventually([&] {
            back.serve();
            return closed.has_value();
        }));
        ASSERT_FALSE(connect()) << log;
    };
    reconnect();
    expect_added(group(1), error);
    EXPECT_TRUE(eventually([&] { return said("does not add"); }));
    run_for(5ms);
    EXPECT_FALSE(back.next_multicast()) << "once a connection";
    expect_traffic();
    reconnect();
    expect_added(group(1));
    expect_traffic();
}

TEST_F(multicast_hostile_test, ALeaveThatIsRefusedIsReported) {
    connect_pair();
    join(group(1));
    expect_added(group(1));
    EXPECT_FALSE(outcome());
    leave(group(1));
    expect_removed(group(1), error);
    EXPECT_EQ(outcome(), errno_code(ENOBUFS));
    EXPECT_TRUE(said("does not remove")) << log;
    expect_traffic();
}

TEST_F(multicast_hostile_test, AnAnswerThatDoesNotExistEndsTheConnectionAndTheWait) {
    connect_pair();
    for (const bool to_this : {true, false}) {
        log.clear();
        join(group(1));
        const auto asked = next();
        back.answer_tx(to_this ? netif::tx_response{asked.id, 7} : netif::tx_response{200, okay});
        back.notify();
        EXPECT_EQ(outcome(), condition::peer_misbehaved) << log;
        // It is asked of the next one, so frames are not all that is in the ring then.
        ASSERT_TRUE(eventually([&] { return said("Closed"); })) << log;
        EXPECT_NE(net->problem().find("tx ring"), std::string::npos) << net->problem();
        ASSERT_FALSE(connect()) << log;
        expect_added(group(1));
        expect_traffic();
        leave(group(1));
        expect_removed(group(1));
        EXPECT_FALSE(outcome());
    }
}

TEST_F(multicast_hostile_test, TwoAnswersToOneRequestEndTheConnection) {
    connect_pair();
    join(group(1));
    const auto asked = next();
    back.answer_tx({asked.id, okay});
    back.answer_tx({asked.id, okay});
    back.notify();
    EXPECT_FALSE(outcome()) << "as the first says";
    begin_receive();
    EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
    EXPECT_EQ(received.value_or(error_code{}), condition::peer_misbehaved);
    EXPECT_NE(net->problem().find("tx ring"), std::string::npos) << net->problem();
}

TEST_F(multicast_hostile_test, ABackendThatNeverAnswersHoldsNothingElseUp) {
    connect_pair();
    join(group(1));
    (void)next();
    std::optional<error_code> second;
    net->async_leave(group(2), [&](const error_code& ec) { second = ec; });
    EXPECT_TRUE(eventually([&] { return second.has_value(); }));
    EXPECT_EQ(second, boost::asio::error::already_started);
    for (int i = 0; i != 50; ++i) {
        back.notify();
        run_for(0ms);
    }
    EXPECT_TRUE(send());
    EXPECT_FALSE(changed);
    net.reset();
    EXPECT_EQ(outcome(), boost::asio::error::operation_aborted);
}

TEST_F(multicast_hostile_test, ARequestWaitsForRoomInTheRing) {
    options.tx_pages = 300;
    connect_pair();
    while (send())
        continue;
    join(group(1));
    run_for(5ms);
    EXPECT_FALSE(changed);
    back.echo();
    expect_added(group(1));
    EXPECT_FALSE(outcome());
}

TEST_F(multicast_hostile_test, SixtyFourGroupsAreTheMost) {
    connect_pair();
    for (unsigned i = 0; i != 64; ++i) {
        join(group(i));
        expect_added(group(i));
        ASSERT_FALSE(outcome());
    }
    join(group(64));
    EXPECT_EQ(outcome(), errno_code(ENOBUFS));
    join(group(3));
    EXPECT_FALSE(outcome()) << "it is in the list";
    EXPECT_FALSE(back.next_multicast());
    leave(group(3));
    expect_removed(group(3));
    EXPECT_FALSE(outcome());
    join(group(64));
    expect_added(group(64));
    EXPECT_FALSE(outcome());
}

TEST_F(multicast_hostile_test, AWaitThatIsCancelledChangesNothing) {
    connect_pair();
    boost::asio::cancellation_signal signal;
    net->async_join(group(1), boost::asio::bind_cancellation_slot(
                                  signal.slot(), [this](const error_code& ec) { changed = ec; }));
    const auto asked = next();
    signal.emit(boost::asio::cancellation_type::total);
    EXPECT_EQ(outcome(), boost::asio::error::operation_aborted);
    leave(group(1)); // the backend is to forget what it is being told
    back.answer_multicast(asked, okay);
    expect_removed(group(1));
    EXPECT_FALSE(outcome());
    expect_traffic();
}

TEST_F(multicast_hostile_test, WithoutTheFeatureNothingIsAskedAndThatIsSaid) {
    back.features.erase("feature-multicast-control");
    connect_pair();
    join(group(1));
    EXPECT_EQ(outcome(), errc::feature_missing);
    EXPECT_FALSE(back.next_multicast());
    expect_traffic();
}

} // namespace
} // namespace xenring::frontend::test
