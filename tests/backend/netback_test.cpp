// A vif's life: from the toolstack's directory to the last state, and nothing left over.
#include "../net/frames.hpp"
#include "fixture.hpp"

namespace xenring::backend::test {
namespace {

using net::test::udp_frame;

TEST_F(netback_test, SaysInitWaitOnceItsInterfaceIsThere) {
    start();
    open_guest(1);
    make_vif(1);
    ASSERT_TRUE(reaches(1, "2")) << log;
    EXPECT_TRUE(wires.at("vif1.0")->open);
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-rx-copy"), "1");
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-sg"), "1");
}

TEST_F(netback_test, ConnectsOnlyWhenTheHotplugScriptIsDone) {
    start();
    guest_end guest{open_guest(1), 0};
    make_vif(1);
    ASSERT_TRUE(reaches(1, "2"));
    guest.connect();
    io.restart();
    io.run_for(50ms);
    EXPECT_EQ(state(1), "2");
    script_done(1);
    EXPECT_TRUE(reaches(1, "4")) << log;
    EXPECT_TRUE(wires.at("vif1.0")->carrier);
    EXPECT_TRUE(wires.at("vif1.0")->reader.tcpv6);
}

TEST_F(netback_test, NeedsNoScriptWithABridgeOfItsOwn) {
    auto chosen = usual_options();
    chosen.bridge = "any";
    start(std::move(chosen));
    guest_end guest{open_guest(1), 0};
    make_vif(1);
    ASSERT_TRUE(reaches(1, "2"));
    guest.connect();
    EXPECT_TRUE(reaches(1, "4")) << log;
}

TEST_F(netback_test, UnplugsAsTheToolstackAsks) {
    start();
    auto& guest = connected(1);
    unplug(1);
    // What the guest sees after 5 is its own business; it closes.
    ASSERT_TRUE(eventually([&] { return !wires.at("vif1.0")->carrier; }));
    guest.write_state("5");
    guest.write_state("6");
    EXPECT_TRUE(reaches(1, "6")) << log;
    EXPECT_TRUE(eventually([&] { return serving->vifs().empty(); }));
    EXPECT_FALSE(wires.at("vif1.0")->open);
    error_code ec;
    EXPECT_FALSE(dom0.store().exists(backend(1) + "/hotplug-status", ec));
    EXPECT_TRUE(dom0.store().exists(backend(1), ec)) << "the directory is the toolstack's";
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
    EXPECT_EQ(machine.statistics().of(domid{0}).ports, 0U);
}

TEST_F(netback_test, UnplugsAlthoughTheGuestNeverAnswers) {
    start();
    connected(1);
    unplug(1);
    EXPECT_TRUE(reaches(1, "6")) << log;
    EXPECT_TRUE(eventually([&] { return serving->vifs().empty(); }));
    EXPECT_TRUE(logged("did not close")) << log;
}

TEST_F(netback_test, GivesEverythingBackWhenTheGuestIsDestroyed) {
    start();
    connected(1);
    machine.destroy(domid{1});
    EXPECT_TRUE(reaches(1, "6")) << log;
    unplug(1);
    dom0.store().remove(backend(1));
    EXPECT_TRUE(eventually([&] { return serving->vifs().empty(); })) << log;
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
    EXPECT_EQ(machine.statistics().of(domid{0}).ports, 0U);
    ends.clear();
}

TEST_F(netback_test, ServesTheSameDirectoryNameAgain) {
    start();
    for (int round = 0; round != 3; ++round) {
        auto& guest = connected(1);
        unplug(1);
        guest.write_state("6");
        ASSERT_TRUE(reaches(1, "6")) << log;
        dom0.store().remove(backend(1));
        ASSERT_TRUE(eventually([&] { return serving->vifs().empty(); })) << log;
        ends.clear();
    }
}

TEST_F(netback_test, AFrontendThatComesAgainIsServedAgain) {
    start();
    auto& guest = connected(1);
    guest.write_state("5");
    ASSERT_TRUE(reaches(1, "5")) << log;
    guest.write_state("6");
    ASSERT_TRUE(reaches(1, "6")) << log;
    guest.write_state("1");
    ASSERT_TRUE(reaches(1, "2")) << log;
    guest_end anew{guests.at(1), 0};
    anew.connect();
    EXPECT_TRUE(reaches(1, "4")) << log;
    stop();
}

TEST_F(netback_test, ClosesEveryVifWhenItStops) {
    start();
    connected(1);
    connected(2, 3);
    stop();
    EXPECT_EQ(state(1), "6");
    EXPECT_EQ(state(2, 3), "6");
    EXPECT_FALSE(wires.at("vif2.3")->open);
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
    EXPECT_EQ(machine.statistics().of(domid{0}).ports, 0U);
    EXPECT_EQ(machine.statistics().of(domid{0}).watches, 0U);
}

TEST_F(netback_test, ServesEveryQueueThatTheGuestAsksFor) {
    auto chosen = usual_options();
    chosen.features.max_queues = 4;
    start(std::move(chosen));
    auto& here = open_guest(1);
    guest_end first{here, 0}, second{here, 0};
    make_vif(1);
    ASSERT_TRUE(reaches(1, "2"));
    EXPECT_EQ(dom0.store().read(backend(1) + "/multi-queue-max-queues"), "4");
    script_done(1);
    first.publish(keys_of_two(first, second));
    ASSERT_TRUE(reaches(1, "4")) << log;
    for (auto* queue : {&first, &second}) {
        ASSERT_TRUE(queue->send(udp_frame(100)));
        queue->kick();
        EXPECT_TRUE(eventually([&] { return !wires.at("vif1.0")->receive().frame.empty(); }))
            << log;
        EXPECT_TRUE(eventually([&] { return queue->responses().size() == 1; }));
    }
    stop();
}

TEST_F(netback_test, AcceptsNoMoreQueuesThanItOffered) {
    start();
    guest_end guest{open_guest(1), 0};
    offer_vif(1);
    auto keys = guest.usual_keys();
    keys.emplace_back("multi-queue-num-queues", "2");
    guest.publish(keys);
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_TRUE(logged("multi-queue-num-queues")) << log;
}

TEST_F(netback_test, GoesOnWithALiveGuestAfterItWasKilled) {
    auto first = std::make_unique<killable_netback>(machine, usual_options());
    guest_end guest{open_guest(1), 0};
    make_vif(1);
    ASSERT_TRUE(eventually(*first, [&] { return state(1) == "2"; })) << log;
    script_done(1);
    guest.connect();
    ASSERT_TRUE(eventually(*first, [&] { return state(1) == "4"; })) << log;

    first.reset();
    wires.clear();
    ASSERT_TRUE(guest.send(udp_frame(300)));
    guest.kick();
    start();
    EXPECT_TRUE(eventually([&] {
        const auto found = wires.find("vif1.0");
        return found && found->receive().frame == udp_frame(300);
    })) << log;
    EXPECT_EQ(state(1), "4");
    guest.post(1);
    guest.kick();
    wires.at("vif1.0")->send(udp_frame(200));
    EXPECT_TRUE(eventually([&] { return guest.receive().bytes == udp_frame(200); })) << log;
    stop();
}

TEST_F(netback_test, TellsOfEveryVifThatAppears) {
    std::vector<std::string> seen;
    auto chosen = usual_options();
    chosen.appeared = [&](const std::string& label) { seen.push_back(label); };
    start(std::move(chosen));
    open_guest(1);
    offer_vif(1);
    offer_vif(1, 3);
    EXPECT_EQ(seen, (std::vector<std::string>{"vif1.0", "vif1.3"}));
}

TEST_F(netback_test, WithoutAScriptTheMtuIsSetAndToldAndFollowed) {
    auto chosen = usual_options();
    chosen.bridge = "any";
    start(std::move(chosen));
    guest_end guest{open_guest(1), 0};
    make_vif(1);
    dom0.store().write(backend(1) + "/mtu", "9000");
    ASSERT_TRUE(reaches(1, "2"));
    const auto told = [&] {
        error_code absent;
        return dom0.store().read(frontend(1) + "/mtu", absent);
    };
    EXPECT_EQ(wires.at("vif1.0")->mtu, 9000U);
    EXPECT_EQ(told(), "9000");
    guest.connect();
    ASSERT_TRUE(reaches(1, "4")) << log;
    for (const char* wanted : {"4000", "1500"}) {
        dom0.store().write(backend(1) + "/mtu", wanted);
        EXPECT_TRUE(eventually([&] { return told() == wanted; })) << log;
        EXPECT_EQ(std::to_string(wires.at("vif1.0")->mtu), wanted);
    }
    for (const char* garbage : {"67", "65522", "large"})
        dom0.store().write(backend(1) + "/mtu", garbage);
    ASSERT_TRUE(guest.send(udp_frame(300)));
    guest.kick();
    EXPECT_TRUE(eventually([&] { return !wires.at("vif1.0")->receive().frame.empty(); }));
    EXPECT_EQ(wires.at("vif1.0")->mtu, 1500U);
}

TEST_F(netback_test, WhereAScriptRunsTheMtuIsItsOwnAffair) {
    start();
    open_guest(1);
    make_vif(1);
    dom0.store().write(backend(1) + "/mtu", "9000");
    ASSERT_TRUE(reaches(1, "2"));
    EXPECT_EQ(wires.at("vif1.0")->mtu, net::usual_mtu);
    error_code ec;
    EXPECT_FALSE(dom0.store().exists(frontend(1) + "/mtu", ec));
}

TEST_F(netback_test, NamesTheKeyThatIsMissing) {
    start();
    guest_end guest{open_guest(1), 0};
    offer_vif(1);
    auto keys = guest.usual_keys();
    keys.erase(keys.begin());
    guest.publish(keys);
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_TRUE(logged("tx-ring-ref")) << log;
}

TEST_F(netback_test, CanBeStoppedAtEveryStageOfItsStart) {
    for (int stage = 0; stage != 5; ++stage) {
        start();
        for (int i = 0; i != stage; ++i) {
            io.restart();
            io.run_one_for(10ms);
        }
        stop();
        ended.reset();
    }
    start();
    open_guest(1);
    make_vif(1);
    EXPECT_TRUE(reaches(1, "2")) << log;
}

TEST_F(netback_test, SaysWhichWatchTheStoreRefused) {
    const domain driver{io.get_executor(), machine.open(domid{5})};
    const std::string home = "/local/domain/5", back = home + "/backend/vif/1/0";
    const store_permissions theirs{{domid{5}, store_access::none}};
    open_guest(1);
    make_vif(1);
    write_with_permissions(dom0.store(),
                           std::vector<store_entry>{{home, "", theirs},
                                                    {back, "", theirs},
                                                    {back + "/frontend", frontend(1), theirs},
                                                    {back + "/frontend-id", "1", theirs},
                                                    {back + "/online", "1", theirs},
                                                    {back + "/state", "1", theirs}});
    std::vector<store_watch> others;
    for (error_code ec; !ec;)
        others.push_back(driver.store().watch("/local", ec));
    others.resize(others.size() - 2); // the last was refused; one is left, to find devices with
    serving = std::make_shared<netback>(driver, usual_options());
    serving->start([this](const error_code& ec) { ended = ec; });
    EXPECT_TRUE(eventually([&] { return logged("cannot watch " + back + ": "); })) << log;
    stop();
}

TEST_F(netback_test, ABadGuestLosesItsVifAndItsNeighbourNothing) {
    start();
    auto& bad = connected(1);
    auto& good = connected(2);
    auto* indices = reinterpret_cast<std::uint32_t*>(bad.tx_memory().data());
    indices[0] = 100'000; // req_prod
    bad.port.notify();
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_TRUE(logged("producer index")) << log;
    ASSERT_TRUE(good.send(udp_frame(100)));
    good.kick();
    EXPECT_TRUE(eventually([&] { return !wires.at("vif2.0")->receive().frame.empty(); }));
}

} // namespace
} // namespace xenring::backend::test
