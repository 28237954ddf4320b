// Guests that have posted too few buffers for a frame: what netback does until there are enough.
#include "../net/frames.hpp"
#include "fixture.hpp"

namespace xenring::backend::test {
namespace {

using net::test::udp_frame;

class refill_test : public netback_test {
protected:
    /// A guest whose keys are not the usual ones.
    template <class Change>
    guest_end& connected_as(Change change) {
        open_guest(1);
        offer_vif(1);
        auto& end = ends.emplace_back(std::make_unique<guest_end>(guests.at(1), 0));
        auto keys = end->usual_keys();
        change(keys);
        end->publish(keys);
        EXPECT_TRUE(reaches(1, "4")) << log;
        return *end;
    }

    /// One that does not notify when it has posted buffers.
    guest_end& connected_silently() {
        return connected_as([](guest_end::keys& keys) {
            std::erase_if(keys, [](const auto& key) { return key.first == "feature-rx-notify"; });
        });
    }

    /// One with a port for each direction.
    guest_end& connected_with_two_ports() {
        return connected_as([this](guest_end::keys& keys) {
            auto& guest = guests.at(1);
            ports.emplace(guest.get_executor(), guest.hypervisor());
            rx_port = ports->bind_unbound(domid{0});
            for (auto& [name, value] : keys)
                if (name == "event-channel")
                    name = "event-channel-tx";
            keys.emplace_back("event-channel-rx", std::to_string(rx_port.number().value));
        });
    }

    /// Raises events for nothing until netback has seen so many of them.
    void storm(std::uint64_t events) {
        EXPECT_TRUE(eventually([&] {
            rx_port.notify();
            return counts("vif1.0").rx.events >= events;
        })) << describe(counts("vif1.0"));
    }

    /// An honest guest tells of what it did if it is asked to.
    static void tell(guest_end& guest) {
        const bool of_requests = guest.tx.publish(), of_buffers = guest.rx.publish();
        if (of_requests || of_buffers)
            guest.port.notify();
    }

    /// A guest that may transmit one packet in an hour.
    guest_end& connected_with_a_rate(std::chrono::milliseconds calm) {
        auto chosen = usual_options();
        chosen.limits.rate = rate_limit{1, 1h};
        chosen.limits.calm = calm;
        start(std::move(chosen));
        return connected(1);
    }
    /// Has it transmit that packet.
    void transmit(guest_end& guest) {
        ASSERT_TRUE(guest.send(udp_frame(10)));
        tell(guest);
        EXPECT_TRUE(eventually([&] { return guest.responses().size() == 1; })) << log;
    }
    /// A frame for which there are no buffers.
    void hold(std::span<const std::byte> frame) {
        wires.at("vif1.0")->send(frame);
        EXPECT_TRUE(eventually([&] { return !wires.at("vif1.0")->waits(0); })) << log;
    }

    void start_with(std::chrono::milliseconds drain, std::chrono::milliseconds calm) {
        auto chosen = usual_options();
        chosen.limits.drain = drain;
        chosen.limits.calm = calm;
        start(std::move(chosen));
    }

    std::optional<port_set> ports;
    bound_port rx_port;
};

TEST_F(refill_test, Xsa332_EventsWithoutBuffersOnAPortOfTheirOwnAreNotServedWithoutEnd) {
    start_with(10min, 60min);
    connected_with_two_ports();
    wires.at("vif1.0")->send(udp_frame(100));
    storm(8);
    for (int i = 0; i != 1000; ++i) {
        rx_port.notify();
        io.restart();
        io.poll();
    }
    EXPECT_EQ(counts("vif1.0").rx.events, 8U);
    EXPECT_EQ(counts("vif1.0").rx.idle, 8U);
}

TEST_F(refill_test, AfterEventsWithoutACauseOneWithACauseStillCounts) {
    start_with(10min, 1ms);
    auto& guest = connected_with_two_ports();
    wires.at("vif1.0")->send(udp_frame(100));
    storm(20);
    guest.post(1);
    (void)guest.rx.publish();
    rx_port.notify();
    EXPECT_TRUE(eventually([&] { return guest.receive().bytes == udp_frame(100); })) << log;
    EXPECT_LT(counts("vif1.0").rx.idle, counts("vif1.0").rx.events);
}

TEST_F(refill_test, BuffersAreFoundWhileTheGuestTransmitsWithoutAPause) {
    start();
    auto& guest = connected(1);
    wires.at("vif1.0")->send(udp_frame(100));
    bool arrived = false;
    for (int step = 0; step != 5000 && !arrived; ++step) { // a step of netback's each
        (void)guest.responses();
        while (guest.tx.push({30'000, 0, 0, 1, 60}))
            ;
        if (step == 1000)
            guest.post(1);
        tell(guest);
        io.restart();
        io.poll_one();
        arrived = guest.receive().bytes == udp_frame(100);
    }
    EXPECT_TRUE(arrived) << describe(counts("vif1.0"));
}

TEST_F(refill_test, BuffersAreFoundWhileTheGuestMayNotTransmit) {
    for (const bool held_before : {false, true}) {
        auto& guest = connected_with_a_rate(1ms);
        if (held_before)
            hold(udp_frame(100));
        transmit(guest);
        if (!held_before)
            hold(udp_frame(100));
        guest.post(1);
        tell(guest);
        EXPECT_TRUE(eventually([&] { return guest.receive().bytes == udp_frame(100); }))
            << describe(counts("vif1.0"));
        stop();
        ended.reset();
        ends.clear();
        guests.clear();
        dom0.store().remove(backend(1));
        dom0.store().remove(frontend(1));
    }
}

TEST_F(refill_test, Xsa332_NorIsAGuestServedWithoutEndWhileItMayNotTransmit) {
    auto& guest = connected_with_a_rate(60min);
    transmit(guest);
    hold(udp_frame(100));
    for (int i = 0; i != 1000; ++i) {
        guest.port.notify();
        io.restart();
        io.poll();
    }
    EXPECT_LE(counts("vif1.0").tx.events, 8U + 2) << describe(counts("vif1.0"));
}

TEST_F(refill_test, AGuestThatTransmitsWithoutBuffersLosesFramesAfterAWhile) {
    start_with(500ms, 1ms); // far more than between two of its events
    auto& guest = connected(1);
    wires.at("vif1.0")->send(udp_frame(100));
    EXPECT_TRUE(eventually([&] {
        EXPECT_TRUE(guest.send(udp_frame(10)));
        guest.kick();
        while (!wires.at("vif1.0")->receive().frame.empty())
            ;
        (void)guest.responses();
        return counts("vif1.0").rx.expired == 1;
    })) << describe(counts("vif1.0"));
}

TEST_F(refill_test, Xsa424_AllThatWaitsIsDroppedAtOnceAndTheVifStillCloses) {
    start_with(100ms, 1ms);
    connected(1);
    auto& port = *wires.at("vif1.0");
    std::uint64_t sent = 0;
    for (error_code full; sent != 200; ++sent)
        if (!port.try_send(udp_frame(10), full))
            break;
    ASSERT_GT(sent, 2U * 64) << "more than two rounds";
    ASSERT_TRUE(eventually([&] { return counts("vif1.0").rx.expired != 0; })) << log;
    for (int i = 0; i != 10; ++i) { // with no time in between
        io.restart();
        io.poll();
    }
    EXPECT_EQ(counts("vif1.0").rx.expired, sent);
    for (error_code full; port.try_send(udp_frame(10), full) && --sent != 0;)
        ;
    stop();
    EXPECT_EQ(state(1), "6");
}

TEST_F(refill_test, AGuestThatTransmitsAndTellsNothingLosesFramesAfterAWhile) {
    auto chosen = usual_options();
    chosen.limits.drain = 50ms;
    chosen.limits.poll = 10min;
    start(std::move(chosen));
    auto& guest = connected_silently();
    wires.at("vif1.0")->send(udp_frame(100));
    EXPECT_TRUE(eventually([&] {
        guest.kick();
        return counts("vif1.0").rx.expired == 1;
    })) << describe(counts("vif1.0"));
}

TEST_F(refill_test, BuffersThatNobodyTellsOfAreFound) {
    start();
    auto& guest = connected_silently();
    wires.at("vif1.0")->send(udp_frame(5000));
    for (int posted = 0; posted != 2; ++posted) {
        io.restart();
        io.run_for(5ms);
        EXPECT_TRUE(guest.receive().bytes.empty());
        guest.post(1);
        (void)guest.rx.publish();
    }
    EXPECT_TRUE(eventually([&] { return guest.receive().bytes == udp_frame(5000); })) << log;
    EXPECT_EQ(counts("vif1.0").rx.events, 0U);
}

} // namespace
} // namespace xenring::backend::test
