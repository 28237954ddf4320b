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
