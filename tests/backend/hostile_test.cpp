// Guests that break the rules: each costs its own vif, under a name, and nothing else.
#include "../net/frames.hpp"
#include "fixture.hpp"

#include <cstring>
#include <random>

namespace xenring::backend::test {
namespace {

using net::test::frame_bytes;
using net::test::udp_frame;

struct attack {
    const char* name;
    std::vector<netif::tx_request> slots;
    const char* says; ///< what the log says of it; empty: only the packet is lost
};

constexpr auto more = netif::tx_flag::more_data;
constexpr auto extra = netif::tx_flag::extra_info;

netif::tx_request extra_slot(std::uint8_t type, std::uint8_t flags, std::uint16_t size = 0,
                             std::uint8_t gso = 0) {
    return netif::tx_slot_of(
        std::bit_cast<netif::extra_info>(netif::gso_extra{type, flags, size, gso, 0, 0}));
}

std::vector<netif::tx_request> chain(std::size_t slots) {
    std::vector<netif::tx_request> out(slots, {1000000, 0, more, 1, 1});
    out.back().flags = 0;
    out.front().size = static_cast<std::uint16_t>(slots + 100);
    return out;
}

std::vector<attack> attacks() {
    return {
        {"over_the_page", {{8, 4000, 0, 1, 200}}, "cross the end"},
        {"fragment_over_the_page", {{8, 0, more, 1, 300}, {8, 4090, 0, 2, 100}}, "cross the end"},
        {"unfinished", {{8, 0, more, 1, 300}}, "not complete"},
        {"endless", chain(30), "no end"},
        {"unknown_extra", {{8, 0, extra, 1, 100}, extra_slot(9, 0)}, "unknown type"},
        {"extra_of_type_zero", {{8, 0, extra, 1, 100}, extra_slot(0, 0)}, "unknown type"},
        {"extra_twice",
         {{8, 0, extra, 1, 100}, extra_slot(1, 1, 1448, 1), extra_slot(1, 0, 1448, 1)},
         "appears twice"},
        {"segments_of_nothing", {{8, 0, extra, 1, 100}, extra_slot(1, 0, 0, 1)}, "is zero"},
        {"segments_of_unknown_type", {{8, 0, extra, 1, 100}, extra_slot(1, 0, 1448, 3)}, "unknown"},
        {"too_many_slots", chain(19), ""},
        {"too_short", {{8, 0, 0, 1, 13}}, ""},
        {"sizes_over_total", {{8, 0, more, 1, 100}, {8, 0, 0, 2, 200}}, ""},
        {"empty_fragments",
         {{1000000, 0, more, 1, 60}, {9999, 0, more, 2, 0}, {9999, 0, 0, 3, 0}},
         ""},
        {"nothing_granted", chain(18), ""},
    };
}

class attack_test : public netback_test, public testing::WithParamInterface<attack> {};

TEST_P(attack_test, CostsTheAttackerAlone) {
    start();
    auto& bad = connected(1);
    auto& good = connected(2);
    for (const auto& slot : GetParam().slots)
        ASSERT_TRUE(bad.tx.push(slot));
    bad.kick();
    const std::string says = GetParam().says;
    if (says.empty()) {
        EXPECT_TRUE(eventually([&] { return counts("vif1.0").tx.lost() == 1; })) << log;
        EXPECT_EQ(bad.responses().size(), GetParam().slots.size());
        EXPECT_EQ(state(1), "4");
    } else {
        EXPECT_TRUE(reaches(1, "5")) << log;
        EXPECT_TRUE(logged(says)) << log;
        EXPECT_TRUE(bad.responses().empty());
    }
    ASSERT_TRUE(good.send(udp_frame(100)));
    good.kick();
    EXPECT_TRUE(eventually([&] { return !wires.at("vif2.0")->receive().frame.empty(); }))
        << log << describe(counts("vif2.0"));
}

INSTANTIATE_TEST_SUITE_P(, attack_test, testing::ValuesIn(attacks()),
                         [](const auto& each) { return each.param.name; });

class hostile_test : public netback_test {};

TEST_F(hostile_test, ABrokenVifIsServedAgainOnceItsGuestClosedIt) {
    start();
    auto& bad = connected(1);
    ASSERT_TRUE(bad.tx.push({8, 4000, 0, 1, 200}));
    bad.kick();
    ASSERT_TRUE(reaches(1, "5")) << log;
    bad.write_state("6");
    ASSERT_TRUE(reaches(1, "6")) << log;
    bad.write_state("1");
    ASSERT_TRUE(reaches(1, "2")) << log;
    guest_end anew{guests.at(1), 0};
    anew.connect();
    ASSERT_TRUE(reaches(1, "4")) << log;
    ASSERT_TRUE(anew.send(udp_frame(100)));
    anew.kick();
    EXPECT_TRUE(eventually([&] { return !wires.at("vif1.0")->receive().frame.empty(); }));
    stop();
}

TEST_F(hostile_test, Xsa367_ABufferThatIsNoneLosesItsFrameOnly) {
    start();
    auto& guest = connected(1);
    ASSERT_TRUE(guest.rx.push({0, 0, 1'000'000}));
    guest.kick();
    wires.at("vif1.0")->send(udp_frame(100));
    EXPECT_TRUE(eventually([&] { return counts("vif1.0").rx.uncopied == 1; })) << log;
    const auto response = guest.rx.pop();
    ASSERT_TRUE(response);
    EXPECT_LT(response->status, 0);
    guest.post(1);
    guest.kick();
    wires.at("vif1.0")->send(udp_frame(200));
    EXPECT_TRUE(eventually([&] { return guest.receive().bytes == udp_frame(200); }));
}

TEST_F(hostile_test, AProducerBeyondTheRingEndsTheVif) {
    start();
    std::uint16_t number = 0;
    for (const bool of_tx : {true, false})
        for (const std::uint32_t producer : {257U, 0x8000'0000U, 0xffff'ffffU}) {
            auto& bad = connected(++number);
            const auto label = "vif" + std::to_string(number) + ".0";
            const auto memory = of_tx ? bad.tx_memory() : bad.rx_memory();
            std::memcpy(memory.data(), &producer, sizeof producer); // the ring's first word
            bad.port.notify();
            wires.at(label)->send(udp_frame(100)); // for which the rx ring is looked at
            log.clear();
            EXPECT_TRUE(reaches(number, "5")) << log;
            EXPECT_TRUE(logged(of_tx ? "tx ring: " : "rx ring: ")) << log;
        }
    auto& good = connected(++number);
    ASSERT_TRUE(good.send(udp_frame(100)));
    good.kick();
    const auto label = "vif" + std::to_string(number) + ".0";
    EXPECT_TRUE(eventually([&] { return !wires.at(label)->receive().frame.empty(); })) << log;
}

TEST_F(hostile_test, Xsa423_Xsa432_HeadersInSlotsOfOneByteArriveWhole) {
    start();
    auto& guest = connected(1);
    page_pool pool{guests.at(1).hypervisor()};
    const auto page = pool.take(domid{0}, access::read_only);
    const auto frame = udp_frame(1400);
    std::copy(frame.begin(), frame.end(), page.bytes().begin());
    const auto size = static_cast<std::uint16_t>(frame.size());
    const auto rest = static_cast<std::uint16_t>(size - 17);
    const auto gref = page.reference().value;
    for (std::uint16_t i = 0; i != 17; ++i)
        ASSERT_TRUE(guest.tx.push({gref, i, more, i, i == 0 ? size : std::uint16_t{1}}));
    ASSERT_TRUE(guest.tx.push({gref, 17, 0, 17, rest}));
    guest.kick();
    frame_bytes got;
    EXPECT_TRUE(eventually([&] {
        got = wires.at("vif1.0")->receive().frame;
        return !got.empty();
    })) << log;
    EXPECT_EQ(got, frame);
    EXPECT_EQ(guest.responses().size(), 18U);
}

TEST_F(hostile_test, GarbageInTheStoreIsNamed) {
    start();
    const std::pair<const char*, const char*> garbage[] = {
        {"tx-ring-ref", "-1"},
        {"tx-ring-ref", "99999999999"},
        {"rx-ring-ref", "0x10"},
        {"event-channel", ""},
        {"request-rx-copy", "0"},
        {"multi-queue-num-queues", "0"},
        {"multi-queue-num-queues", "4000000000"}};
    std::uint16_t number = 1;
    for (const auto& [key, value] : garbage) {
        guest_end guest{open_guest(number), 0};
        make_vif(number);
        ASSERT_TRUE(reaches(number, "2"));
        script_done(number);
        auto keys = guest.usual_keys();
        std::erase_if(keys, [&](const auto& each) { return each.first == key; });
        keys.emplace_back(key, value);
        log.clear();
        guest.publish(keys);
        EXPECT_TRUE(reaches(number, "5")) << key << ' ' << value << log;
        EXPECT_TRUE(logged(key)) << log;
        ++number;
    }
}

TEST_F(hostile_test, StatesAtRandomNeitherCrashNorLeak) {
    start();
    std::mt19937 random{7};
    const char* const states[] = {"1", "2", "3", "4", "5", "6", "7", "", "x", "9999999999", "4 "};
    auto& guest = connected(1);
    for (int i = 0; i != 300; ++i) {
        guest.write_state(states[random() % std::size(states)]);
        io.restart();
        io.run_for(std::chrono::microseconds{random() % 3000});
    }
    guest.write_state("6");
    stop();
    EXPECT_EQ(state(1), "6");
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
    EXPECT_EQ(machine.statistics().of(domid{0}).ports, 0U);
}

TEST_F(hostile_test, RandomSlotsNeitherCrashNorHang) {
    start();
    std::mt19937 engine{11};
    const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
    std::uint64_t seen = 0;
    for (std::uint16_t number = 1; number != 60; ++number) {
        auto& guest = connected(number);
        const auto label = "vif" + std::to_string(number) + ".0";
        ASSERT_TRUE(guest.send(udp_frame(20)));
        for (unsigned i = random() % 200; i != 0; --i)
            (void)guest.tx.push({random() % 12, static_cast<std::uint16_t>(random() % 5000),
                                 static_cast<std::uint16_t>(random() % 16),
                                 static_cast<std::uint16_t>(random()),
                                 static_cast<std::uint16_t>(random() % 3000)});
        guest.kick();
        EXPECT_TRUE(
            eventually([&] { return counts(label).tx.packets >= 1 || state(number) == "5"; }));
        seen += counts(label).tx.packets;
        machine.destroy(domid{number});
        ASSERT_TRUE(reaches(number, "6")) << log;
        unplug(number);
        dom0.store().remove(backend(number));
        ASSERT_TRUE(eventually([&] { return serving->vifs().empty(); })) << log;
        ends.clear();
        guests.erase(number);
    }
    EXPECT_GE(seen, 59U);
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
}

} // namespace
} // namespace xenring::backend::test
