// Each rule of the tx ring, by name.
#include "netif_tx_table.hpp"

#include <gtest/gtest.h>

namespace xenring::ring::netif {
namespace {

using namespace test::tx;
using test::gso;
using test::tx_extra;

TEST(NetifTxParser, AnEmptyRingHasNoPacket) {
    EXPECT_EQ(parse({}).what, verdict::empty);
}

TEST(NetifTxParser, OneSlotIsAPacket) {
    const auto seen = parse({slot(7, 60, 0, 100)});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.size, 60u);
    ASSERT_EQ(seen.packet.fragments.size(), 1u);
    EXPECT_EQ(seen.packet.fragments[0], (fragment{1007, 100, 60}));
    EXPECT_EQ(seen.packet.info, packet_info{});
}

TEST(NetifTxParser, TheFirstSlotCarriesTheTotalAndKeepsWhatTheOthersLeave) {
    const auto seen = parse({slot(1, 5000, more, 96), slot(2, 4000, more, 96), slot(3, 200)});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.size, 5000u);
    ASSERT_EQ(seen.packet.fragments.size(), 3u);
    EXPECT_EQ(seen.packet.fragments[0], (fragment{1001, 96, 800}));
    EXPECT_EQ(seen.packet.fragments[1], (fragment{1002, 96, 4000}));
    EXPECT_EQ(seen.packet.fragments[2], (fragment{1003, 0, 200}));
}

TEST(NetifTxParser, OnlyThePacketsOwnSlotsAreTaken) {
    const auto seen = parse({slot(1, 60), slot(2, 61)});
    EXPECT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.ring.popped, 1u);
}

TEST(NetifTxParser, ChecksumFlagsAreThoseOfTheFirstSlot) {
    auto seen = parse({slot(1, 100, tx_flag::csum_blank | tx_flag::data_validated)});
    EXPECT_TRUE(seen.packet.info.csum_blank && seen.packet.info.data_validated);
    seen = parse({slot(1, 100, tx_flag::data_validated)});
    EXPECT_TRUE(!seen.packet.info.csum_blank && seen.packet.info.data_validated);
    seen = parse({slot(1, 100, more), slot(2, 50, tx_flag::csum_blank)});
    EXPECT_TRUE(!seen.packet.info.csum_blank && !seen.packet.info.data_validated);
}

TEST(NetifTxParser, UnknownFlagsMeanNothing) {
    EXPECT_EQ(parse({slot(1, 100, 0xfff0)}).what, verdict::accepted);
}

TEST(NetifTxParser, ExtrasComeBetweenTheFirstSlotAndTheOthers) {
    const auto seen = parse({slot(1, 3000, extra | more), tx_extra(gso(1200, 2), true),
                             tx_extra(encode(packet_hash{1, 1, 99})), slot(2, 1000)});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.info.gso, (segmentation{1200, gso_type::tcpv6, 0}));
    EXPECT_EQ(seen.packet.info.hash, (packet_hash{1, 1, 99}));
    ASSERT_EQ(seen.packet.fragments.size(), 2u);
    EXPECT_EQ(seen.packet.fragments[0].size, 2000);
    EXPECT_EQ(seen.packet.extra_slots, 2u);
}

TEST(NetifTxParser, ExtrasAreAskedForByTheFirstSlotOnly) {
    const auto seen = parse({slot(1, 3000, more), slot(2, 1000, extra)});
    EXPECT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.ring.popped, 2u);
}

TEST(NetifTxParser, MoreDataInAnExtrasFlagsIsNotMoreData) {
    auto last = gso();
    last.flags = tx_flag::more_data; // the bit means nothing there
    const auto seen = parse({slot(1, 100, extra), tx_slot_of(last), slot(2, 99)});
    EXPECT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.ring.popped, 2u);
}

TEST(NetifTxParser, LinuxXdpHeadroomIsUnderstood) {
    const auto seen = parse({slot(1, 100, extra), tx_extra(encode_xdp_headroom(256))});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.info.xdp_headroom, 256);
}

TEST(NetifTxParser, SegmentationWithoutABlankChecksumIsAcceptedAndNeedsAFixup) {
    const auto seen = parse({slot(1, 4000, extra), tx_extra(gso())});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_TRUE(seen.packet.info.needs_checksum_fixup());
}

TEST(NetifTxParser, AMulticastRequestIsADummyWithoutData) {
    const auto seen =
        parse({slot(1, 0, extra, 0xffff),
               tx_extra(encode_multicast(extra_type::multicast_add, test::some_group))});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_TRUE(seen.packet.is_multicast_control());
    EXPECT_EQ(seen.packet.multicast_add, test::some_group);
    EXPECT_FALSE(seen.packet.multicast_del);
    EXPECT_TRUE(seen.packet.fragments.empty());
    EXPECT_EQ(seen.packet.size, 0u);
}

TEST(NetifTxParser, AMulticastRequestMayAddAndDelete) {
    const auto seen =
        parse({slot(1, 0, extra),
               tx_extra(encode_multicast(extra_type::multicast_del, test::some_group), true),
               tx_extra(encode_multicast(extra_type::multicast_add, {1, 2, 3, 4, 5, 6}))});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.multicast_del, test::some_group);
    EXPECT_EQ(seen.packet.multicast_add, (mac_address{1, 2, 3, 4, 5, 6}));
}

TEST(NetifTxParser, EverySlotIsAnsweredInOrderAndExtrasWithNull) {
    auto seen = parse({slot(11, 3000, extra | more), tx_extra(gso(), true),
                       tx_extra(encode(packet_hash{})), slot(12, 1000, more), slot(13, 1000)});
    ASSERT_EQ(seen.what, verdict::accepted);
    ASSERT_TRUE(answer(seen.ring, seen.packet, response_status::dropped));
    ASSERT_EQ(seen.ring.outgoing.size(), 5u);
    const std::int16_t status[] = {-2, 1, 1, -2, -2};
    for (std::size_t i = 0; i != 5; ++i)
        EXPECT_EQ(seen.ring.outgoing[i].status, status[i]) << i;
    EXPECT_EQ(seen.ring.outgoing[0].id, 11);
    EXPECT_EQ(seen.ring.outgoing[3].id, 12);
    EXPECT_EQ(seen.ring.outgoing[4].id, 13);
}

TEST(NetifTxParser, EighteenDataSlotsAreAccepted) {
    const auto seen = parse_slots(18);
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.fragments.size(), 18u);
    EXPECT_EQ(seen.packet.fragments[0].size, 1000 - 17 * 10);
}

TEST(NetifTxParser, ExtrasDoNotCountAsDataSlots) {
    outcome seen{};
    seen.ring.incoming = {slot(0, 1000, extra | more), tx_extra(gso(), true),
                          tx_extra(encode(packet_hash{}), true), tx_extra(encode_xdp_headroom(0))};
    for (std::uint16_t i = 1; i != 18; ++i)
        seen.ring.incoming.push_back(slot(i, 10, i == 17 ? std::uint16_t{0} : more));
    EXPECT_EQ(read(seen.ring, seen.packet), verdict::accepted);
    EXPECT_EQ(seen.ring.popped, 21u);
}

} // namespace
} // namespace xenring::ring::netif
