// Multicast that a guest wants, and that it does not want.
#include "../net/frames.hpp"
#include "fixture.hpp"

#include <xenring/backend/multicast_filter.hpp>

namespace xenring::backend::test {
namespace {

using net::test::frame_bytes;
using net::test::udp_frame;
using address = multicast_filter::address;

constexpr address all_hosts{0x01, 0x00, 0x5e, 0, 0, 1};
constexpr address other_group{0x33, 0x33, 0, 0, 0, 0xfb};
constexpr address everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr address station{0x00, 0x16, 0x3e, 0, 0, 1};

frame_bytes frame_to(const address& to, std::size_t payload = 100) {
    auto frame = udp_frame(payload);
    for (std::size_t i = 0; i != to.size(); ++i)
        frame[i] = std::byte{to[i]};
    return frame;
}
address numbered(std::size_t number) {
    return {0x01,
            0x00,
            0x5e,
            1,
            static_cast<std::uint8_t>(number >> 8),
            static_cast<std::uint8_t>(number)};
}

TEST(multicast_filter, PassesAllUntilItIsAskedTo) {
    multicast_filter filter;
    EXPECT_TRUE(filter.add(all_hosts)); // the list is kept meanwhile
    EXPECT_TRUE(filter.passes(frame_to(other_group)));
    filter.ask(true);
    EXPECT_FALSE(filter.passes(frame_to(other_group)));
    EXPECT_TRUE(filter.passes(frame_to(all_hosts)));
    filter.ask(false);
    EXPECT_TRUE(filter.passes(frame_to(other_group)));
}

TEST(multicast_filter, ConcernsMulticastOnly) {
    multicast_filter filter;
    filter.ask(true);
    EXPECT_TRUE(filter.passes(frame_to(everybody)));
    EXPECT_TRUE(filter.passes(frame_to(station)));
    EXPECT_FALSE(filter.passes(frame_to(all_hosts)));
    EXPECT_TRUE(filter.passes({})) << "what has no address";
    auto nearly = everybody;
    nearly[5] = 0xfe;
    EXPECT_FALSE(filter.passes(frame_to(nearly)));
}

TEST(multicast_filter, HoldsSixtyFourAddressesEachOnce) {
    multicast_filter filter;
    for (std::size_t i = 0; i != 64; ++i)
        EXPECT_TRUE(filter.add(numbered(i)));
    EXPECT_TRUE(filter.add(numbered(7)));
    EXPECT_FALSE(filter.add(numbered(64)));
    filter.remove(numbered(64)); // is not there
    EXPECT_EQ(filter.size(), 64U);
    filter.remove(numbered(7));
    EXPECT_TRUE(filter.add(numbered(64)));
    filter.ask(true);
    EXPECT_FALSE(filter.passes(frame_to(numbered(7))));
    EXPECT_TRUE(filter.passes(frame_to(numbered(64))));
    EXPECT_TRUE(filter.passes(frame_to(numbered(63))));
}

TEST(multicast_filter, TakesNoAddressOfAStation) {
    multicast_filter filter;
    EXPECT_FALSE(filter.add(station));
    EXPECT_EQ(filter.size(), 0U);
}

TEST(multicast_filter, FiltersNothingWhileTheListIsNotKnown) {
    multicast_filter filter;
    filter.connect(false);
    filter.ask(true);
    EXPECT_TRUE(filter.passes(frame_to(all_hosts)));
    filter.connect(true);
    EXPECT_TRUE(filter.passes(frame_to(all_hosts))) << "nobody asked yet";
    filter.ask(true);
    EXPECT_FALSE(filter.passes(frame_to(all_hosts)));
}

class multicast_test : public netback_test {
protected:
    /// A guest with one vif that wants multicast filtered from the start.
    guest_end& filtering(std::uint16_t number) {
        open_guest(number);
        make_vif(number);
        EXPECT_TRUE(reaches(number, "2")) << log;
        script_done(number);
        auto& end = *ends.emplace_back(std::make_unique<guest_end>(guests.at(number), 0));
        auto keys = end.usual_keys();
        keys.emplace_back("request-multicast-control", "1");
        end.publish(keys);
        EXPECT_TRUE(reaches(number, "4")) << log;
        end.post(100);
        end.kick();
        return end;
    }

    void change(guest_end& guest, std::uint8_t type, const address& which) {
        ASSERT_EQ(netif::write_multicast(guest.tx, 77, type, which), netif::send_error::none);
        guest.kick();
    }
    /// The status of the next request to change the list; each has an answer for its extra.
    std::int16_t answer(guest_end& guest) {
        std::vector<netif::tx_response> got;
        EXPECT_TRUE(eventually([&] {
            for (const auto& each : guest.responses())
                got.push_back(each);
            return got.size() == 2;
        })) << log;
        if (got.size() != 2)
            return 99;
        EXPECT_EQ(got[0].id, 77);
        EXPECT_EQ(got[1].status, netif::response_status::null);
        return got[0].status;
    }
    std::int16_t add(guest_end& guest, const address& which) {
        change(guest, netif::extra_type::multicast_add, which);
        return answer(guest);
    }
    std::int16_t remove(guest_end& guest, const address& which) {
        change(guest, netif::extra_type::multicast_del, which);
        return answer(guest);
    }

    /// Whether the guest gets a frame to that address; one to its station follows and says so.
    bool gets(guest_end& guest, const address& to) {
        auto& line = *wires.at("vif1.0");
        line.send(frame_to(to));
        line.send(frame_to(station, 200));
        guest_end::received first;
        EXPECT_TRUE(eventually([&] { return !(first = guest.receive()).bytes.empty(); })) << log;
        if (first.bytes == frame_to(station, 200))
            return false;
        EXPECT_EQ(first.bytes, frame_to(to));
        EXPECT_TRUE(eventually([&] { return !guest.receive().bytes.empty(); })) << log;
        return true;
    }
};

TEST_F(multicast_test, TheGuestGetsWhatIsInItsList) {
    start();
    auto& guest = filtering(1);
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-multicast-control"), "1");
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-dynamic-multicast-control"), "1");
    EXPECT_FALSE(gets(guest, all_hosts));
    EXPECT_EQ(counts("vif1.0").rx.filtered, 1U);
    EXPECT_EQ(counts("vif1.0").rx.lost(), 0U);
    EXPECT_TRUE(gets(guest, everybody));
    EXPECT_EQ(add(guest, all_hosts), netif::response_status::okay);
    EXPECT_TRUE(gets(guest, all_hosts));
    EXPECT_FALSE(gets(guest, other_group));
    EXPECT_EQ(remove(guest, all_hosts), netif::response_status::okay);
    EXPECT_FALSE(gets(guest, all_hosts));
    EXPECT_EQ(counts("vif1.0").rx.filtered, 3U);
    EXPECT_EQ(counts("vif1.0").tx.packets, 0U) << "such a request is no packet";
}

TEST_F(multicast_test, AFullListSaysSo) {
    start();
    auto& guest = filtering(1);
    for (std::size_t i = 0; i != 64; ++i)
        ASSERT_EQ(add(guest, numbered(i)), netif::response_status::okay);
    EXPECT_EQ(add(guest, numbered(64)), netif::response_status::error);
    EXPECT_TRUE(gets(guest, numbered(63)));
    EXPECT_FALSE(gets(guest, numbered(64)));
}

TEST_F(multicast_test, MayBeAskedForAtAnyTime) {
    start();
    auto& guest = connected(1);
    guest.post(100);
    guest.kick();
    EXPECT_TRUE(gets(guest, all_hosts));
    EXPECT_EQ(add(guest, other_group), netif::response_status::okay);
    const auto key = guest.directory() + "/request-multicast-control";
    guests.at(1).store().write(key, "1");
    EXPECT_TRUE(eventually([&] { return !gets(guest, all_hosts); }));
    EXPECT_TRUE(gets(guest, other_group));
    guests.at(1).store().write(key, "nonsense");
    EXPECT_TRUE(eventually([&] { return gets(guest, all_hosts); }));
    guests.at(1).store().write(key, "1");
    EXPECT_TRUE(eventually([&] { return !gets(guest, all_hosts); }));
    guests.at(1).store().remove(key);
    EXPECT_TRUE(eventually([&] { return gets(guest, all_hosts); }));
    stop();
    EXPECT_EQ(machine.statistics().of(domid{0}).watches, 0U);
}

TEST_F(multicast_test, WithoutTheDynamicFeatureOnlyTheStartCounts) {
    auto chosen = usual_options();
    chosen.features.dynamic_multicast_control = false;
    start(std::move(chosen));
    auto& guest = filtering(1);
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-multicast-control"), "1");
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-dynamic-multicast-control"), "0");
    EXPECT_FALSE(gets(guest, all_hosts));
    guests.at(1).store().write(guest.directory() + "/request-multicast-control", "0");
    io.restart();
    io.run_for(50ms);
    EXPECT_FALSE(gets(guest, all_hosts));
}

TEST_F(multicast_test, WhatIsNotOfferedIsNotDone) {
    auto chosen = usual_options();
    chosen.features.multicast_control = false;
    start(std::move(chosen));
    auto& guest = filtering(1);
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-multicast-control"), "0");
    EXPECT_EQ(dom0.store().read(backend(1) + "/feature-dynamic-multicast-control"), "0");
    EXPECT_EQ(add(guest, other_group), netif::response_status::error);
    EXPECT_TRUE(gets(guest, all_hosts));
}

TEST_F(multicast_test, AListThatWasLostWithItsNetbackFiltersNothing) {
    auto first = std::make_unique<killable_netback>(machine, usual_options());
    guest_end guest{open_guest(1), 0};
    make_vif(1);
    ASSERT_TRUE(eventually(*first, [&] { return state(1) == "2"; })) << log;
    script_done(1);
    auto keys = guest.usual_keys();
    keys.emplace_back("request-multicast-control", "1");
    guest.publish(keys);
    ASSERT_TRUE(eventually(*first, [&] { return state(1) == "4"; })) << log;
    first.reset();
    wires.clear();
    start();
    ASSERT_TRUE(eventually([&] { return wires.contains("vif1.0") && wires.at("vif1.0")->carrier; }))
        << log;
    guest.post(20);
    guest.kick();
    EXPECT_TRUE(gets(guest, all_hosts)) << "it may have been in the list";
    stop();
}

} // namespace
} // namespace xenring::backend::test
