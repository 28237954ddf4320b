// Devices that come, go, and were left in the middle.
#include "pair_fixture.hpp"

namespace xenring::frontend::test {
namespace {

using net::test::udp_frame;

class reconnect_test : public pair_test {
protected:
    void expect_traffic() {
        const auto frame = udp_frame(321);
        ASSERT_FALSE(send(frame));
        ASSERT_EQ(receive_outside().frame, frame);
        outside().send(frame);
        error_code ec;
        ASSERT_EQ(bytes_of(receive(ec)), frame);
    }

    /// What a domain finds that was restored: a backend in another directory, and itself in state
    /// 1. The first backend's directory is gone.
    void resume_with_backend(std::uint32_t handle) {
        const auto back = backend(1, handle);
        const store_permissions theirs{{domid{0}, store_access::none},
                                       {domid{1}, store_access::read}};
        const std::vector<store_entry> entries{{back, "", theirs},
                                               {back + "/frontend", frontend(1), theirs},
                                               {back + "/frontend-id", "1", theirs},
                                               {back + "/online", "1", theirs},
                                               {back + "/hotplug-status", "", theirs},
                                               {back + "/state", "1", theirs}};
        dom0.store().remove(backend(1));
        transact(dom0.store(), [&](store_transaction& inside, error_code& ec) {
            inside.write(frontend(1) + "/backend", back, ec);
            if (!ec)
                inside.write(frontend(1) + "/state", "1", ec);
        });
        write_with_permissions(dom0.store(), entries);
    }
};

TEST_F(reconnect_test, ADeviceCanBeClosedAndConnectedAgain) {
    connect_pair();
    for (int i = 0; i != 5; ++i) {
        expect_traffic();
        EXPECT_FALSE(close());
        ASSERT_FALSE(connect()) << log;
    }
    expect_traffic();
}

TEST_F(reconnect_test, ADeviceThatAProcessLeftConnectedIsTakenOver) {
    connect_pair();
    expect_traffic();
    net = std::make_unique<netfront>(guests.at(1), front_options()); // the old one says nothing
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

TEST_F(reconnect_test, AConnectWaitsForABackend) {
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    std::optional<error_code> result;
    net->async_connect(0, [&](const error_code& ec) { result = ec; });
    io.restart();
    io.run_for(50ms);
    EXPECT_FALSE(result);
    start();
    EXPECT_FALSE(result_of_connect(result));
    expect_traffic();
}

TEST_F(reconnect_test, NoSuchDeviceIsAnError) {
    net = std::make_unique<netfront>(guests.at(1), front_options());
    EXPECT_EQ(connect(), errno_code(ENOENT));
    make_device();
    start();
    EXPECT_FALSE(connect()) << "it came meanwhile";
}

TEST_F(reconnect_test, AnUnpluggedDeviceEndsWhatWaits) {
    connect_pair();
    std::optional<error_code> ended_with;
    net->async_receive([&](const error_code& ec, received_frame) { ended_with = ec; });
    unplug(1);
    EXPECT_TRUE(eventually([&] { return ended_with.has_value(); })) << log;
    EXPECT_EQ(*ended_with, condition::peer_gone);
    EXPECT_TRUE(reaches(1, "6")) << log;
    error_code ec = send(udp_frame(10));
    EXPECT_TRUE(ec);
    // libxl removes the directories, and makes new ones for the next device.
    dom0.store().remove(backend(1));
    dom0.store().remove(frontend(1));
    EXPECT_TRUE(eventually([&] { return machine.statistics().of(domid{1}).watches == 0; })) << log;
    make_device();
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

TEST_F(reconnect_test, ADeviceThatWasTakenOutAndPutBackIsTheNewOne) {
    connect_pair();
    dom0.store().remove(backend(1));
    dom0.store().remove(frontend(1));
    make_device();
    error_code ec;
    (void)receive(ec);
    EXPECT_EQ(ec, condition::peer_gone) << ec.message();
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

TEST_F(reconnect_test, AConnectWhileADeviceIsBeingDroppedMeansTheNextOne) {
    connect_pair();
    std::optional<error_code> result;
    net->async_receive([&](const error_code&, received_frame) { // its pages are not revoked yet
        make_device();
        net->async_connect(0, [&](const error_code& ec) { result = ec; });
    });
    dom0.store().remove(frontend(1));
    dom0.store().remove(backend(1));
    EXPECT_FALSE(result_of_connect(result)) << log;
    expect_traffic();
}

TEST_F(reconnect_test, AConnectWhileTheLastDeviceIsBeingDroppedIsAnError) {
    connect_pair();
    std::optional<error_code> result;
    net->async_receive([&](const error_code&, received_frame) {
        net->async_connect(0, [&](const error_code& ec) { result = ec; });
    });
    dom0.store().remove(frontend(1));
    dom0.store().remove(backend(1));
    EXPECT_EQ(result_of_connect(result), errno_code(ENOENT)) << log;
}

TEST_F(reconnect_test, Xsa465_AResumedDomainConnectsToItsNewBackendByItself) {
    auto chosen = front_options();
    chosen.tx_pages = 32;
    connect_pair(std::move(chosen));
    expect_traffic();
    outside().send(udp_frame(99));
    error_code ec;
    auto held = receive(ec);
    std::vector<outgoing_frame> unsent;
    while (auto frame = net->prepare(100))
        unsent.push_back(std::move(frame));
    std::optional<error_code> receive_ended, send_ended;
    net->async_receive([&](const error_code& why, received_frame) { receive_ended = why; });
    net->async_wait_room(100, [&](const error_code& why) { send_ended = why; });

    resume_with_backend(7);
    EXPECT_TRUE(eventually([&] { return receive_ended && send_ended; })) << log;
    EXPECT_EQ(*receive_ended, condition::peer_gone) << receive_ended->message();
    EXPECT_EQ(*send_ended, condition::peer_gone) << send_ended->message();
    EXPECT_TRUE(eventually([&] {
        if (state(1, 7) == "2")
            script_done(1, 7);
        EXPECT_TRUE(net->is_connected() || !net->prepare(100)) << "there is nothing to send with";
        return net->is_connected();
    })) << log;
    EXPECT_FALSE(connect()) << "tells that it is";
    EXPECT_EQ(bytes_of(held), udp_frame(99)) << "received before";
    EXPECT_NE(unsent.front().fill(udp_frame(50)), 0U);
    net->send(unsent.front(), {}, ec);
    EXPECT_TRUE(ec) << "a frame of the old connection";
    wires.put("vif1.0", wires.at("vif1.7"));
    expect_traffic();

    held = {};
    unsent.clear();
    EXPECT_FALSE(close());
    EXPECT_TRUE(eventually([&] { return machine.statistics().of(domid{1}).pages_granted == 0; }))
        << to_string(machine.statistics());
}

TEST_F(reconnect_test, ALiveDeviceTellsOfCarrierAndMtu) {
    auto chosen = front_options();
    int changes = 0;
    chosen.device_changed = [&] { ++changes; };
    connect_pair(std::move(chosen));
    EXPECT_TRUE(net->device().carrier);
    dom0.store().write(backend(1) + "/carrier", "0");
    EXPECT_TRUE(eventually([&] { return !net->device().carrier; })) << log;
    dom0.store().write(backend(1) + "/carrier", "1");
    EXPECT_TRUE(eventually([&] { return net->device().carrier; })) << log;
    dom0.store().write(frontend(1) + "/mtu", "9000");
    EXPECT_TRUE(eventually([&] { return net->device().mtu == 9000; })) << log;
    EXPECT_EQ(changes, 3);
    expect_traffic();
}

TEST_F(reconnect_test, ABackendThatIsRestartedGoesOnWithTheSameRings) {
    auto first = std::make_unique<backend::test::killable_netback>(machine, usual_options());
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    std::optional<error_code> result;
    net->async_connect(0, [&](const error_code& ec) { result = ec; });
    ASSERT_TRUE(eventually(*first, [&] {
        if (state(1) == "2" && !result)
            script_done(1);
        return result.has_value();
    })) << log;
    ASSERT_FALSE(*result);

    first.reset();
    wires.clear();
    ASSERT_FALSE(send(udp_frame(77))) << "while nobody is there";
    start();
    EXPECT_TRUE(eventually([&] {
        const auto found = wires.find("vif1.0");
        return found && found->receive().frame == udp_frame(77);
    })) << log;
    expect_traffic();
    EXPECT_EQ(log.find("front: vif 0: Closing"), std::string::npos) << log;
}

TEST_F(reconnect_test, AFailedCallLeavesNothingOver) {
    using local::call;
    for (const auto what : {call::share, call::open_event_channel, call::bind_unbound})
        for (unsigned nth = 1; nth != 4; ++nth) {
            SCOPED_TRACE(static_cast<int>(what));
            if (!serving)
                start();
            if (nth == 1 && what == call::share)
                make_device();
            net = std::make_unique<netfront>(guests.at(1), front_options());
            machine.faults().fail(what, nth);
            const auto ec = connect();
            machine.faults().clear();
            EXPECT_TRUE(eventually([&] {
                return !ec || machine.statistics().of(domid{1}).pages_granted == 0;
            })) << to_string(machine.statistics());
            EXPECT_FALSE(close());
            net.reset();
        }
}

/// Handlers run one at a time, so that jobs are under way when the device is dropped.
TEST_F(reconnect_test, ANetfrontCanBeDroppedAtEveryStage) {
    auto chosen = usual_options();
    chosen.bridge = "any"; // so that no script is waited for
    start(std::move(chosen));
    make_device();
    bool connected = false;
    for (int stage = 0; !connected; ++stage) {
        SCOPED_TRACE(stage);
        net = std::make_unique<netfront>(guests.at(1), front_options());
        std::optional<error_code> result, received;
        net->async_connect(0, [&](const error_code& ec) { result = ec; });
        for (int i = 0; i != stage && !result; ++i) {
            io.restart();
            io.run_one_for(1s);
        }
        connected = result.has_value();
        if (net->is_connected())
            net->async_receive([&](const error_code& ec, received_frame) { received = ec; });
        else
            received = boost::asio::error::operation_aborted;
        net.reset();
        ASSERT_TRUE(eventually([&] { return result && received; })) << log;
        EXPECT_TRUE(connected || result == boost::asio::error::operation_aborted || !*result);
        EXPECT_EQ(received, boost::asio::error::operation_aborted);
    }
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

/// The same, where nothing runs afterwards and the context goes next.
TEST_F(reconnect_test, ANetfrontCanBeDroppedWithItsContextAtEveryStage) {
    auto chosen = usual_options();
    chosen.bridge = "any"; // so that no script is waited for
    start(std::move(chosen));
    make_device();
    bool connected = false;
    for (int stage = 0; !connected; ++stage) {
        SCOPED_TRACE(stage);
        boost::asio::io_context own;
        const domain here{own.get_executor(), machine.open(domid{1})};
        netfront dropped{here, front_options()};
        dropped.async_connect(0, [&](const error_code& ec) { connected = !ec; });
        for (int i = 0; i != stage && !connected; ++i) {
            EXPECT_TRUE(eventually([&] { return own.run_one_for(1ms) != 0; })) << log;
            own.restart();
        }
    }
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect()) << log;
    expect_traffic();
}

TEST_F(reconnect_test, AWatchThatTheStoreRefusesIsComplainedOfOnce) {
    start();
    make_device();
    std::vector<store_watch> others;
    for (error_code ec; !ec;)
        others.push_back(guests.at(1).store().watch("/local", ec));
    others.resize(others.size() - 2); // the last was refused; one is left
    net = std::make_unique<netfront>(guests.at(1), front_options());
    std::optional<error_code> result;
    net->async_connect(0, [&](const error_code& ec) { result = ec; });
    const auto complaint = "cannot watch " + backend(1);
    EXPECT_TRUE(eventually([&] { return logged(complaint); })) << log;
    EXPECT_FALSE(logged("cannot watch " + frontend(1)));
    others.clear();
    guests.at(1).store().write(frontend(1) + "/looked", "again");
    EXPECT_FALSE(result_of_connect(result)) << log;
    EXPECT_EQ(log.find(complaint), log.rfind(complaint));
    expect_traffic();
}

} // namespace
} // namespace xenring::frontend::test
