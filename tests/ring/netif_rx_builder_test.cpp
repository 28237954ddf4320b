// The backend's half of the rx ring: how a frame is laid out over a guest's buffers.
#include "netif_slots.hpp"

#include <xenring/ring/netif_rx_builder.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace xenring::ring::netif {
namespace {

using back = test::scripted_ring<rx_request, rx_response>;

back posted(std::size_t count) {
    back ring;
    for (std::size_t i = 0; i != count; ++i)
        ring.incoming.push_back(
            {static_cast<std::uint16_t>(50 + i), 0, static_cast<std::uint32_t>(700 + i)});
    return ring;
}

packet_info with_gso() {
    packet_info info;
    info.gso = segmentation{1448, gso_type::tcpv4, 0};
    return info;
}

TEST(NetifRxBuilder, OneSlotIsAPacket) {
    auto ring = posted(2);
    rx_delivery out;
    ASSERT_EQ(plan(ring, 60, {}, {}, out), send_error::none);
    EXPECT_EQ(ring.popped, 1u);
    ASSERT_EQ(out.targets.size(), 1u);
    EXPECT_EQ(out.targets[0].where, (fragment{700, 0, 60}));
    ASSERT_TRUE(answer(ring, out));
    ASSERT_EQ(ring.outgoing.size(), 1u);
    EXPECT_EQ(ring.outgoing[0].id, 50);
    EXPECT_EQ(ring.outgoing[0].flags, 0);
    EXPECT_EQ(ring.outgoing[0].status, 60);
}

TEST(NetifRxBuilder, EachSlotHasItsOwnSizeAndAllButTheLastHaveMoreData) {
    auto ring = posted(3);
    rx_delivery out;
    ASSERT_EQ(plan(ring, 9000, {.csum_blank = true}, {}, out), send_error::none);
    ASSERT_TRUE(answer(ring, out));
    ASSERT_EQ(ring.outgoing.size(), 3u);
    EXPECT_EQ(ring.outgoing[0].status, 4096);
    EXPECT_EQ(ring.outgoing[1].status, 4096);
    EXPECT_EQ(ring.outgoing[2].status, 9000 - 8192);
    EXPECT_EQ(ring.outgoing[0].flags,
              rx_flag::more_data | rx_flag::csum_blank | rx_flag::data_validated);
    EXPECT_EQ(ring.outgoing[1].flags, rx_flag::more_data);
    EXPECT_EQ(ring.outgoing[2].flags, 0);
    EXPECT_EQ(out.targets[2].from, 8192u);
}

TEST(NetifRxBuilder, AnExtraTakesTheSlotOfTheSecondBufferWhichStaysUnfilled) {
    auto ring = posted(3);
    rx_delivery out;
    EXPECT_EQ(rx_slots_needed(5000, with_gso()), 3u);
    ASSERT_EQ(plan(ring, 5000, with_gso(), {}, out), send_error::none);
    ASSERT_EQ(out.targets.size(), 2u);
    EXPECT_EQ(out.targets[0].where.gref, 700u);
    EXPECT_EQ(out.targets[1].where.gref, 702u);
    ASSERT_TRUE(answer(ring, out));
    EXPECT_EQ(ring.outgoing[0].flags, rx_flag::extra_info | rx_flag::more_data |
                                          rx_flag::csum_blank | rx_flag::data_validated);
    EXPECT_EQ(extra_of(ring.outgoing[1]).type, extra_type::gso);
    EXPECT_EQ(ring.outgoing[2].id, 52) << "in the very slot of its request";
}

TEST(NetifRxBuilder, ALegacyGuestGetsTheSegmentSizeInASlotBeforeThePacket) {
    auto ring = posted(3);
    rx_delivery out;
    ASSERT_EQ(plan(ring, 5000, with_gso(), {.gso_prefix = true}, out), send_error::none);
    ASSERT_TRUE(answer(ring, out));
    ASSERT_EQ(ring.outgoing.size(), 3u);
    EXPECT_EQ(ring.outgoing[0].flags, rx_flag::gso_prefix | rx_flag::more_data);
    EXPECT_EQ(ring.outgoing[0].offset, 1448);
    EXPECT_EQ(ring.outgoing[0].status, 2) << "slots that follow";
    EXPECT_EQ(ring.outgoing[1].flags & rx_flag::extra_info, 0);
    EXPECT_EQ(out.targets[0].where.gref, 701u);
    out.fail(0);
    EXPECT_EQ(out.responses[1].status, response_status::error);
}

TEST(NetifRxBuilder, ThePrefixIsForTcpOverIpv4Only) {
    auto ring = posted(2);
    rx_delivery out;
    auto info = with_gso();
    info.gso->type = gso_type::tcpv6;
    ASSERT_EQ(plan(ring, 4000, info, {.gso_prefix = true}, out), send_error::none);
    EXPECT_FALSE(out.has_prefix);
    EXPECT_EQ(extra_of(out.responses[1]).type, extra_type::gso);
}

TEST(NetifRxBuilder, HeadroomIsLeftFreeInTheFirstSlotOnly) {
    auto ring = posted(3);
    rx_delivery out;
    packet_info info;
    info.xdp_headroom = 256;
    EXPECT_EQ(rx_slots_needed(4096 - 256, info), 2u);
    ASSERT_EQ(plan(ring, 4096 - 255, info, {}, out), send_error::none);
    ASSERT_EQ(out.targets.size(), 2u);
    EXPECT_EQ(out.targets[0].where, (fragment{700, 256, 4096 - 256}));
    EXPECT_EQ(out.targets[1].where, (fragment{702, 0, 1}));
}

TEST(NetifRxBuilder, NothingIsTakenUntilAllBuffersAreThere) {
    auto ring = posted(2);
    rx_delivery out;
    EXPECT_EQ(plan(ring, 5000, with_gso(), {}, out), send_error::no_room);
    EXPECT_EQ(ring.popped, 0u);
    EXPECT_EQ(plan(ring, 5000, {}, {}, out), send_error::none);
}

TEST(NetifRxBuilder, EighteenPagesFitAndNotAByteMore) {
    auto ring = posted(256);
    rx_delivery out;
    EXPECT_EQ(plan(ring, 18 * 4096, with_gso(), {}, out), send_error::none);
    EXPECT_EQ(out.targets.size(), 18u);
    EXPECT_EQ(out.responses.size(), 19u);
    EXPECT_EQ(plan(ring, 18 * 4096 + 1, {}, {}, out), send_error::too_long);
    EXPECT_EQ(plan(ring, 0xffffffff, {}, {}, out), send_error::too_long);
    packet_info info;
    info.xdp_headroom = 1;
    EXPECT_EQ(plan(ring, 18 * 4096, info, {}, out), send_error::too_many_slots);
    info.xdp_headroom = 0x7fff;
    EXPECT_EQ(plan(ring, 100, info, {}, out), send_error::too_long);
    EXPECT_EQ(plan(ring, 13, {}, {}, out), send_error::too_short);
    info = with_gso();
    info.gso->size = 0;
    EXPECT_EQ(plan(ring, 100, info, {}, out), send_error::bad_gso);
    EXPECT_EQ(ring.popped, 19u);
}

TEST(NetifRxBuilder, ACopyThatFailedIsReportedInItsSlot) {
    auto ring = posted(4);
    rx_delivery out;
    ASSERT_EQ(plan(ring, 9000, with_gso(), {}, out), send_error::none);
    out.fail(1);
    EXPECT_EQ(out.responses[0].status, 4096);
    EXPECT_EQ(extra_of(out.responses[1]).type, extra_type::gso) << "an extra has no status";
    EXPECT_EQ(out.responses[2].status, response_status::error);
    out.fail(0);
    EXPECT_EQ(out.responses[0].status, response_status::error);
}

// What went wrong in backends, by the number of Xen's advisory.

TEST(NetifRxBuilderRegression, Xsa361_ACopyThatFailedLosesThePacketAndNotTheRing) {
    auto ring = posted(2);
    rx_delivery out;
    ASSERT_EQ(plan(ring, 60, {}, {}, out), send_error::none);
    out.fail(0);
    ASSERT_TRUE(answer(ring, out));
    ASSERT_EQ(plan(ring, 61, {}, {}, out), send_error::none);
    ASSERT_TRUE(answer(ring, out));
    EXPECT_EQ(ring.outgoing[0].status, response_status::error);
    EXPECT_EQ(ring.outgoing[1].status, 61) << "nothing is left of the failure";
    EXPECT_EQ(ring.what, fault::none);
}

TEST(NetifRxBuilderRegression, Xsa392_AGuestThatLeavesTooFewBuffersForThePacketIsSeenAsStalled) {
    auto ring = posted(2); // some are there, which must not count as progress
    rx_delivery out;
    EXPECT_GT(rx_slots_needed(9000, {}), ring.available());
    EXPECT_EQ(plan(ring, 9000, {}, {}, out), send_error::no_room);
    ring.incoming.push_back({9, 0, 9});
    EXPECT_LE(rx_slots_needed(9000, {}), ring.available());
    EXPECT_EQ(plan(ring, 9000, {}, {}, out), send_error::none);
}

} // namespace
} // namespace xenring::ring::netif
