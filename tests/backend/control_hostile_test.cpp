// Guests that break the rules of the control ring.
#include "../net/frames.hpp"
#include "control_end.hpp"

#include <random>

namespace xenring::backend::test {
namespace {

class control_hostile_test : public control_fixture {
protected:
    void expect_that_others_are_served() {
        auto& good = connected(2);
        ASSERT_TRUE(good.send(net::test::udp_frame(100)));
        good.kick();
        EXPECT_TRUE(eventually([&] { return !wires.at("vif2.0")->receive().frame.empty(); }));
    }
};

TEST_F(control_hostile_test, UnknownRequestsAreNotSupported) {
    start();
    connected_with_control(1);
    for (const unsigned type : {0U, 11U, 12U, 256U, 0xffffU})
        EXPECT_EQ(status(static_cast<std::uint16_t>(type), 1, 2, 3), control_status::not_supported);
}

TEST_F(control_hostile_test, AProducerBeyondTheRingBreaksTheVif) {
    start();
    connected_with_control(1);
    const std::uint32_t beyond = 1000;
    std::memcpy(control->ring_memory().data(), &beyond, sizeof beyond);
    control->port.notify();
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_TRUE(logged("control ring")) << log;
    EXPECT_EQ(mapped(), 0U);
    expect_that_others_are_served();
}

TEST_F(control_hostile_test, ARingThatIsBrokenFromTheStartBreaksTheVif) {
    start();
    guest_end guest{open_guest(1), 0};
    control_end ring{guests.at(1)};
    const std::uint32_t beyond = 1000;
    std::memcpy(ring.ring_memory().data(), &beyond, sizeof beyond);
    offer_vif(1);
    guest.publish(ring.beside(guest.usual_keys()));
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_EQ(mapped(), 0U);
    expect_that_others_are_served();
}

TEST_F(control_hostile_test, AQueueThatIsBrokenFromTheStartStopsTheOthers) {
    auto chosen = usual_options();
    chosen.features.max_queues = 2;
    start(std::move(chosen));
    auto& here = open_guest(1);
    guest_end first{here, 0}, second{here, 0};
    offer_vif(1);
    const std::uint32_t beyond = 1000;
    std::memcpy(first.tx_memory().data(), &beyond, sizeof beyond);
    first.publish(keys_of_two(first, second));
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_EQ(mapped(), 0U);
    expect_that_others_are_served();
}

TEST_F(control_hostile_test, EveryQueueHasATableOfItsOwn) {
    auto chosen = usual_options();
    chosen.features.max_queues = 2;
    start(std::move(chosen));
    auto& here = open_guest(1);
    guest_end first{here, 0}, second{here, 0};
    control = std::make_unique<control_end>(here);
    offer_vif(1);
    first.publish(control->beside(keys_of_two(first, second)));
    ASSERT_TRUE(reaches(1, "4")) << log;
    const auto& page = control->share(1, access::read_only);
    control->fill_list(entries_of(page, netif::gref_readonly));
    for (const std::uint32_t queue : {0U, 1U})
        EXPECT_EQ(status(control_type::add_gref_mapping, queue, control->list_reference(), 1),
                  control_status::success);
    EXPECT_EQ(status(control_type::del_gref_mapping, 0, control->list_reference(), 1),
              control_status::success);
    const auto frame = net::test::udp_frame(100);
    std::copy(frame.begin(), frame.end(), page.bytes().begin());
    for (auto* queue : {&first, &second}) {
        ASSERT_TRUE(queue->tx.push(
            {page.references()[0].value, 0, 0, 1, static_cast<std::uint16_t>(frame.size())}));
        queue->kick();
        EXPECT_TRUE(eventually([&] { return wires.at("vif1.0")->receive().frame == frame; }));
    }
    EXPECT_EQ(counts("vif1.0").tx.segments, 1U);
    EXPECT_EQ(counts("vif1.0").tx.static_segments, 1U);
    stop();
}

TEST_F(control_hostile_test, AFullRingIsAnsweredOneByOne) {
    start();
    connected_with_control(1);
    std::size_t answered = 0;
    while (control->ring.push({static_cast<std::uint16_t>(answered), 9, {0, 30'000, 1}}))
        ++answered;
    EXPECT_EQ(answered, control->ring.capacity());
    (void)control->ring.publish();
    control->port.notify();
    EXPECT_TRUE(eventually([&] {
        while (const auto response = control->ring.pop()) {
            EXPECT_EQ(response->status, control_status::invalid_parameter);
            --answered;
        }
        return answered == 0;
    }));
}

TEST_F(control_hostile_test, KeysOfHalfARingAreNamed) {
    start();
    const std::pair<const char*, const char*> garbage[] = {{"ctrl-ring-ref", "x"},
                                                           {"ctrl-ring-ref", "1000000"},
                                                           {"event-channel-ctrl", "-3"},
                                                           {"event-channel-ctrl", "77777"}};
    std::uint16_t number = 1;
    for (const auto& [key, value] : garbage) {
        guest_end guest{open_guest(number), 0};
        control_end ring{guests.at(number)};
        make_vif(number);
        ASSERT_TRUE(reaches(number, "2"));
        script_done(number);
        auto keys = ring.beside(guest.usual_keys());
        keys.emplace_back(key, value); // in place of the right one
        log.clear();
        guest.publish(keys);
        EXPECT_TRUE(reaches(number, "5")) << key << ' ' << value << log;
        EXPECT_EQ(mapped(), 0U);
        ++number;
    }
    guest_end guest{open_guest(number), 0};
    make_vif(number);
    ASSERT_TRUE(reaches(number, "2"));
    script_done(number);
    auto keys = guest.usual_keys();
    keys.emplace_back("ctrl-ring-ref", "8");
    guest.publish(keys);
    EXPECT_TRUE(reaches(number, "5"));
    EXPECT_TRUE(logged("event-channel-ctrl")) << log;
}

TEST_F(control_hostile_test, AnEventStormHoldsNothingUp) {
    start();
    connected_with_control(1);
    for (int i = 0; i != 500; ++i) {
        control->port.notify();
        io.restart();
        io.poll();
    }
    EXPECT_EQ(ask(control_type::get_gref_mapping_size).data, 512U);
}

TEST_F(control_hostile_test, RandomRequestsNeitherCrashNorLeak) {
    start();
    auto& guest = connected_with_control(1);
    std::mt19937 engine{5};
    const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
    const auto& pages = control->share(64, access::read_write);
    const auto& unwritable = control->share(16, access::read_only);
    const auto first = pages.references()[0].value;
    std::size_t added = 0;
    for (int round = 0; round != 300; ++round) {
        entries list(random() % 12 + 1);
        for (auto& each : list) {
            const auto own = pages.references()[random() % 64].value;
            const auto other = unwritable.references()[random() % 16].value;
            each = {random() % 50 == 0 ? random() : (random() % 2 == 0 ? own : other),
                    static_cast<std::uint16_t>(random() % 4 == 0 ? random() : random() % 2), 0};
        }
        control->fill_list(list);
        const auto size = static_cast<std::uint32_t>(random() % 10 == 0 ? random() : list.size());
        const auto where = random() % 10 == 0 ? first + random() % 100 : control->list_reference();
        const auto type =
            static_cast<std::uint16_t>(random() % 3 == 0 ? random() % 12 : 9 + random() % 2);
        const auto response = ask(type, random() % 8 == 0 ? random() : 0, where, size);
        added += response.type == 9 && response.status == control_status::success;
    }
    EXPECT_GT(added, 5U);
    ASSERT_TRUE(guest.send(net::test::udp_frame(100)));
    guest.kick();
    EXPECT_TRUE(eventually([&] { return !wires.at("vif1.0")->receive().frame.empty(); }));
    guest.write_state("6");
    stop();
    EXPECT_EQ(mapped(), 0U);
}

} // namespace
} // namespace xenring::backend::test
