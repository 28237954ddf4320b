// Frames both ways between a guest and its interface.
#include "../net/frames.hpp"
#include "fixture.hpp"

#include <cerrno>

namespace xenring::backend::test {
namespace {

using net::test::blank;
using net::test::frame_bytes;
using net::test::tcp_frame;
using net::test::udp_frame;

class traffic_test : public netback_test {
protected:
    traffic_test() { start(); }

    wire::received receive_outside(std::uint16_t number = 1) {
        wire::received out;
        auto& line = *wires.at("vif" + std::to_string(number) + ".0");
        EXPECT_TRUE(eventually([&] { return !(out = line.receive()).frame.empty(); })) << log;
        return out;
    }
    guest_end::received receive_in(guest_end& guest) {
        guest_end::received out;
        EXPECT_TRUE(eventually([&] { return !(out = guest.receive()).bytes.empty(); })) << log;
        return out;
    }
};

TEST_F(traffic_test, AFrameOfTheGuestComesOutUnchanged) {
    auto& guest = connected(1);
    for (const std::size_t piece : {4096, 100, 1})
        for (const std::size_t size : {1, 5, 1000}) {
            const auto frame = udp_frame(size);
            if (frame.size() > 18 * piece || piece < 14)
                continue;
            ASSERT_TRUE(guest.send(frame, {}, piece));
            guest.kick();
            EXPECT_EQ(receive_outside().frame, frame);
        }
    for (const auto& response : guest.responses())
        EXPECT_EQ(response.status, 0);
}

TEST_F(traffic_test, ALargeSegmentKeepsWhatIsSaidOfIt) {
    auto& guest = connected(1);
    const auto frame = blank(tcp_frame(60'000));
    netif::packet_info info{.csum_blank = true, .data_validated = true};
    info.gso = {1448, netif::gso_type::tcpv4, 0};
    ASSERT_TRUE(guest.send(frame, info));
    guest.kick();
    const auto out = receive_outside();
    EXPECT_EQ(out.frame, frame);
    EXPECT_EQ(out.header.gso_size, 1448);
    EXPECT_EQ(out.header.flags, net::virtio_flag::needs_checksum);
    EXPECT_EQ(counts("vif1.0").tx.segmented, 1U);

    guest.post(20);
    guest.kick();
    wires.at("vif1.0")->send(out.frame, out.header);
    const auto in = receive_in(guest);
    EXPECT_EQ(in.bytes, frame);
    ASSERT_TRUE(in.gso);
    EXPECT_EQ(in.gso->size, 1448);
    EXPECT_NE(in.first.flags & netif::rx_flag::csum_blank, 0);
}

TEST_F(traffic_test, ManyFramesShareACopy) {
    auto& guest = connected(1);
    for (std::size_t i = 0; i != 40; ++i)
        ASSERT_TRUE(guest.send(udp_frame(i)));
    guest.kick();
    for (std::size_t i = 0; i != 40; ++i)
        EXPECT_EQ(receive_outside().frame, udp_frame(i));
    EXPECT_EQ(counts("vif1.0").tx.packets, 40U);
    EXPECT_LE(counts("vif1.0").tx.copies, 2U);
    EXPECT_EQ(guest.responses().size(), 40U);
}

TEST_F(traffic_test, AFrameWaitsForBuffers) {
    auto& guest = connected(1);
    wires.at("vif1.0")->send(udp_frame(5000));
    guest.post(1);
    guest.kick();
    io.restart();
    io.run_for(50ms);
    EXPECT_TRUE(guest.receive().bytes.empty());
    guest.post(1);
    guest.kick();
    EXPECT_EQ(receive_in(guest).bytes, udp_frame(5000));
}

TEST_F(traffic_test, ThousandsOfFramesComeInOrder) {
    auto& guest = connected(1);
    std::size_t sent = 0, received = 0;
    while (received != 3000) {
        while (sent != 3000 && sent < received + 50)
            wires.at("vif1.0")->send(udp_frame(sent++ % 1400));
        if (guest.rx.free() > 64)
            guest.post(64);
        guest.kick();
        ASSERT_EQ(receive_in(guest).bytes, udp_frame(received % 1400));
        ++received;
    }
}

TEST_F(traffic_test, AGuestWithoutBuffersLosesFramesAfterAWhile) {
    stop();
    ended.reset();
    auto chosen = usual_options();
    chosen.limits.drain = 50ms;
    start(std::move(chosen));
    auto& guest = connected(1);
    (void)guest;
    for (int i = 0; i != 10; ++i)
        wires.at("vif1.0")->send(udp_frame(100));
    EXPECT_TRUE(eventually([&] { return counts("vif1.0").rx.expired >= 10; }));
}

TEST_F(traffic_test, Xsa392_AGuestWithoutBuffersHoldsUpNobodyAndNoMoreThanItsPort) {
    auto& idle = connected(1);
    auto& good = connected(2);
    auto& port = *wires.at("vif1.0");
    std::size_t taken = 0;
    error_code full;
    while (taken != 100'000 && port.try_send(udp_frame(1400), full)) {
        ++taken;
        if (taken % 8 == 0) // netback may have what it will
            io.poll();
    }
    EXPECT_EQ(full, errno_code(EAGAIN)) << "the port bounds what waits, not memory";
    EXPECT_LT(taken, 10'000U);
    for (std::size_t i = 0; i != 500; ++i) {
        good.post(1);
        good.kick();
        wires.at("vif2.0")->send(udp_frame(i));
        ASSERT_EQ(receive_in(good).bytes, udp_frame(i));
    }
    EXPECT_EQ(counts("vif1.0").rx.packets, 0U);
    for (std::size_t i = 0; i != taken; ++i) { // nothing was lost by waiting
        idle.post(1);
        idle.kick();
        ASSERT_EQ(receive_in(idle).bytes, udp_frame(1400)) << i;
    }
    EXPECT_EQ(counts("vif1.0").rx.lost(), 0U);
}

TEST_F(traffic_test, AGuestTransmitsNoFasterThanItsRate) {
    open_guest(1);
    make_vif(1);
    dom0.store().write(backend(1) + "/rate", "500,3600000000"); // in an hour
    ASSERT_TRUE(reaches(1, "2"));
    script_done(1);
    guest_end guest{guests.at(1), 0};
    guest.connect();
    ASSERT_TRUE(reaches(1, "4")) << log;
    for (int i = 0; i != 10; ++i)
        ASSERT_TRUE(guest.send(udp_frame(158))); // 200 bytes
    guest.kick();
    for (int i = 0; i != 3; ++i)
        EXPECT_EQ(receive_outside().frame, udp_frame(158));
    io.restart();
    io.run_for(20ms);
    EXPECT_EQ(counts("vif1.0").tx.packets, 3U) << "the third on credit";
    stop();
}

TEST_F(traffic_test, ARateIsSetChangedAndRemovedOnALiveVif) {
    const auto rate = backend(1) + "/rate";
    auto& guest = connected(1);
    std::size_t sent = 0, answered = 0;
    const auto look = [&] {
        while (!wires.at("vif1.0")->receive().frame.empty())
            ;
        return answered += guest.responses().size();
    };
    dom0.store().write(rate, "500,3600000000"); // in an hour
    ASSERT_TRUE(eventually([&] {
        sent += guest.send(udp_frame(158)); // 200 bytes
        guest.kick();
        return sent - look() >= 20;
    })) << sent;

    const auto before = answered;
    dom0.store().write(rate, "1000,3600000000");
    EXPECT_TRUE(eventually([&] { return look() >= before + 5; })) << answered - before;
    dom0.store().write(rate, "1000,3600000000"); // says nothing new
    io.restart();
    io.run_for(20ms);
    EXPECT_EQ(look(), before + 5);

    dom0.store().remove(rate);
    EXPECT_TRUE(eventually([&] { return look() == sent; })) << sent - answered;
    stop();
}

TEST_F(traffic_test, AFrameForAReferenceThatIsNoneFailsAlone) {
    auto& guest = connected(1);
    const netif::tx_piece nowhere{7, {1'000'000, 0, 100}};
    ASSERT_EQ(netif::write(guest.tx, std::span{&nowhere, 1}, {}), netif::send_error::none);
    ASSERT_TRUE(guest.send(udp_frame(10)));
    guest.kick();
    EXPECT_EQ(receive_outside().frame, udp_frame(10));
    const auto responses = guest.responses();
    ASSERT_EQ(responses.size(), 2U);
    EXPECT_EQ(responses[0].status, netif::response_status::error);
    EXPECT_EQ(responses[1].status, netif::response_status::okay);
    EXPECT_EQ(counts("vif1.0").tx.uncopied, 1U);
}

TEST_F(traffic_test, AChecksumThatNobodyCouldCompleteIsRefused) {
    auto& guest = connected(1);
    frame_bytes frame;
    net::test::put_ethernet(frame, 0x0806);
    net::test::put_payload(frame, 40);
    ASSERT_TRUE(guest.send(frame, {.csum_blank = true}));
    guest.kick();
    EXPECT_TRUE(eventually([&] { return counts("vif1.0").tx.unusable == 1; }));
    EXPECT_EQ(guest.responses().at(0).status, netif::response_status::error);
}

TEST_F(traffic_test, Xsa332_EventsWithoutACauseAreSlowedDown) {
    auto& guest = connected(1);
    const auto limit = std::chrono::steady_clock::now() + 200ms;
    while (std::chrono::steady_clock::now() < limit) {
        guest.port.notify();
        io.restart();
        io.poll();
    }
    const auto seen = counts("vif1.0").tx;
    EXPECT_LE(seen.events, 8U + 200 + 8) << "one a millisecond, after the first few";
    EXPECT_EQ(seen.idle, seen.events);
}

TEST_F(traffic_test, AnEventThatBringsPacketsWithoutUseHasACause) {
    auto& guest = connected(1);
    for (int i = 0; i != 20; ++i) {
        ASSERT_TRUE(guest.tx.push({8, 0, 0, 1, 13}));
        guest.kick();
        ASSERT_TRUE(eventually([&] { return !guest.responses().empty(); }));
    }
    const auto seen = counts("vif1.0").tx;
    EXPECT_EQ(seen.rejected, 20U);
    EXPECT_EQ(seen.events - seen.idle, 20U);
}

} // namespace
} // namespace xenring::backend::test
