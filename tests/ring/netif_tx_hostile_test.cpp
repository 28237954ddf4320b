// What guests did wrong, or did to break a backend, by name; some have the number of Xen's
// advisory.
#include "netif_tx_table.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <type_traits>

namespace xenring::ring::netif {
namespace {

using namespace test::tx;
using test::gso;
using test::tx_extra;

TEST(NetifTxParser, NineteenAndTwentyDataSlotsLoseThePacketOnly) {
    expect_rejected(parse_slots(19), packet_error::too_many_slots);
    expect_rejected(parse_slots(20), packet_error::too_many_slots);
}

TEST(NetifTxParser, MoreThanTwentyDataSlotsAreAnAttack) {
    const auto seen = parse_slots(200);
    expect_broken(seen, packet_error::endless_packet);
    EXPECT_EQ(seen.ring.popped, 21u);
}

TEST(NetifTxParser, APacketShorterThanAnEthernetHeaderIsRejected) {
    expect_rejected(parse({slot(1, 13)}), packet_error::shorter_than_ethernet);
    expect_rejected(parse({slot(1, 0)}), packet_error::shorter_than_ethernet);
    EXPECT_EQ(parse({slot(1, 14)}).what, verdict::accepted);
}

TEST(NetifTxParser, TheLongestPacketIsAccepted) {
    outcome seen{};
    seen.ring.incoming.push_back(slot(0, 0xffff, more));
    for (std::uint16_t i = 1; i != 16; ++i)
        seen.ring.incoming.push_back(slot(i, 4096, i == 15 ? std::uint16_t{0} : more));
    ASSERT_EQ(read(seen.ring, seen.packet), verdict::accepted);
    EXPECT_EQ(seen.packet.fragments[0].size, 4095);
}

TEST(NetifTxParser, AFrameOver64KiBWhoseSizeWrappedLosesThePacketOnly) {
    outcome seen{}; // 70000 bytes announced as 70000 - 65536, as buggy frontends do
    seen.ring.incoming.push_back(slot(0, 70000 - 65536, more));
    for (std::uint16_t i = 1; i != 17; ++i)
        seen.ring.incoming.push_back(slot(i, 4096, i == 16 ? std::uint16_t{0} : more));
    seen.what = read(seen.ring, seen.packet);
    expect_rejected(seen, packet_error::sizes_over_total);
}

TEST(NetifTxParser, DataThatCrossTheirPageAreAnAttackWhereverTheyAre) {
    expect_broken(parse({slot(1, 100, 0, 3997)}), packet_error::crosses_page);
    expect_broken(parse({slot(1, 4097)}), packet_error::crosses_page);
    expect_broken(parse({slot(1, 100, 0, 0xffff)}), packet_error::crosses_page);
    expect_broken(parse({slot(1, 5000, more), slot(2, 4000, 0, 97)}), packet_error::crosses_page);
    expect_broken(parse({slot(1, 5000, more, 4000), slot(2, 4000)}), packet_error::crosses_page);
    EXPECT_EQ(parse({slot(1, 100, 0, 3996)}).what, verdict::accepted);
    EXPECT_EQ(parse({slot(1, 4096)}).what, verdict::accepted);
}

TEST(NetifTxParser, AChainPastTheProducerIsAnAttack) {
    expect_broken(parse({slot(1, 100, more)}), packet_error::incomplete_packet);
    expect_broken(parse({slot(1, 100, extra)}), packet_error::incomplete_packet);
    expect_broken(parse({slot(1, 100, extra | more), tx_extra(gso())}),
                  packet_error::incomplete_packet);
    expect_broken(parse({slot(1, 100, extra), tx_extra(gso(), true)}),
                  packet_error::incomplete_packet);
}

TEST(NetifTxParser, AnUnknownExtraIsAnAttack) {
    for (const int type : {0, 6, 7, 128, 255}) {
        auto unknown = gso();
        unknown.type = static_cast<std::uint8_t>(type);
        expect_broken(parse({slot(1, 100, extra), tx_extra(unknown)}), packet_error::unknown_extra);
    }
}

TEST(NetifTxParser, AnExtraThatAppearsTwiceIsAnAttack) {
    expect_broken(parse({slot(1, 100, extra), tx_extra(gso(), true), tx_extra(gso())}),
                  packet_error::repeated_extra);
}

TEST(NetifTxParser, SegmentationNeedsASizeAndAKnownType) {
    expect_broken(parse({slot(1, 100, extra), tx_extra(gso(0))}), packet_error::zero_gso_size);
    expect_broken(parse({slot(1, 100, extra), tx_extra(gso(1448, 0))}),
                  packet_error::unknown_gso_type);
    expect_broken(parse({slot(1, 100, extra), tx_extra(gso(1448, 3))}),
                  packet_error::unknown_gso_type);
}

TEST(NetifTxParser, AnAttackInAPacketThatWouldBeRejectedIsAnAttack) {
    expect_broken(parse({slot(1, 100, more), slot(2, 4000, more), slot(3, 4000, 0, 4000)}),
                  packet_error::crosses_page);
}

TEST(NetifTxParser, ARingThatIsBrokenAlreadyStaysSo) {
    outcome seen{};
    seen.ring.incoming = {slot(1, 100)};
    seen.ring.what = fault::producer_overrun;
    EXPECT_EQ(read(seen.ring, seen.packet), verdict::broken);
    EXPECT_EQ(seen.packet.error, packet_error::ring_fault);
    EXPECT_EQ(seen.ring.what, fault::producer_overrun) << "the first fault is kept";
}

// What went wrong in backends, by the number of Xen's advisory.

TEST(NetifTxParserRegression, Xsa39_GarbageCannotMakeTheParserLoopAlongTheRing) {
    outcome seen{};
    for (std::uint16_t i = 0; i != 256; ++i)
        seen.ring.incoming.push_back(slot(i, 1, more | extra));
    seen.what = read(seen.ring, seen.packet);
    EXPECT_EQ(seen.what, verdict::broken);
    EXPECT_LE(seen.ring.popped, fatal_slots + max_extras + 1);
}

TEST(NetifTxParserRegression, Xsa39_AChainOfExtrasEnds) {
    outcome seen{};
    seen.ring.incoming.push_back(slot(0, 100, extra));
    for (int i = 0; i != 255; ++i)
        seen.ring.incoming.push_back(tx_extra(gso(), true));
    seen.what = read(seen.ring, seen.packet);
    expect_broken(seen, packet_error::repeated_extra);
    EXPECT_EQ(seen.ring.popped, 3u);
}

TEST(NetifTxParserRegression, Xsa39_ADeadRingGivesNoMorePackets) {
    auto seen = parse({slot(1, 100, extra), tx_extra(gso(0)), slot(2, 100)});
    ASSERT_EQ(seen.what, verdict::broken);
    EXPECT_EQ(read(seen.ring, seen.packet), verdict::broken);
    EXPECT_EQ(seen.packet.error, packet_error::ring_fault);
    EXPECT_TRUE(seen.packet.ids.empty());
}

TEST(NetifTxParserRegression, Xsa155_AGuestThatRewritesASlotChangesNothing) {
    struct rewriting_ring : test::scripted_tx {
        tx_request shared = slot(1, 100);
        bool pop(tx_request& copy) noexcept {
            copy = shared;
            shared = slot(9, 0xffff, more | extra, 0xffff);
            return true;
        }
    } ring;
    tx_packet packet;
    ASSERT_EQ(read(ring, packet), verdict::accepted);
    EXPECT_EQ(packet.size, 100u);
    EXPECT_EQ(packet.fragments[0], (fragment{1001, 0, 100}));
}

TEST(NetifTxParserRegression, Xsa216_AResponseHasNoPaddingToLeak) {
    static_assert(std::has_unique_object_representations_v<tx_response>);
    static_assert(std::has_unique_object_representations_v<rx_response>);
    auto seen = parse({slot(1, 100, extra), tx_extra(gso())});
    ASSERT_TRUE(answer(seen.ring, seen.packet, response_status::okay));
    EXPECT_EQ(seen.ring.outgoing[1].id, 0) << "the id of a null response is no stale word";
}

TEST(NetifTxParserRegression, Xsa374_ARejectedPacketDoesNotStopTheRing) {
    outcome seen{};
    seen.ring.incoming = {slot(1, 1), slot(2, 60)};
    EXPECT_EQ(read(seen.ring, seen.packet), verdict::rejected);
    EXPECT_EQ(read(seen.ring, seen.packet), verdict::accepted);
    EXPECT_EQ(seen.packet.ids[0], 2) << "nothing is left of the packet before";
    EXPECT_EQ(seen.packet.error, packet_error::none);
}

TEST(NetifTxParserRegression, Xsa423_AHeaderOverManySlotsIsDescribedByteByByte) {
    outcome seen{};
    seen.ring.incoming.push_back(slot(0, 60, more));
    for (std::uint16_t i = 1; i != 17; ++i)
        seen.ring.incoming.push_back(slot(i, 1, more, i));
    seen.ring.incoming.push_back(slot(17, 43));
    ASSERT_EQ(read(seen.ring, seen.packet), verdict::accepted);
    ASSERT_EQ(seen.packet.fragments.size(), 18u);
    std::uint32_t sum = 0;
    for (const auto& piece : seen.packet.fragments)
        sum += piece.size;
    EXPECT_EQ(sum, seen.packet.size);
    EXPECT_EQ(seen.packet.fragments[0].size, 1);
    EXPECT_EQ(seen.packet.fragments[5], (fragment{1005, 5, 1}));
}

TEST(NetifTxParserRegression, Xsa432_EighteenSlotsOfOneByteFitWhateverTheirSum) {
    outcome seen{};
    for (std::uint16_t i = 0; i != 18; ++i)
        seen.ring.incoming.push_back(slot(i, i == 0 ? 18 : 1, i == 17 ? std::uint16_t{0} : more));
    ASSERT_EQ(read(seen.ring, seen.packet), verdict::accepted);
    EXPECT_EQ(seen.packet.fragments.size(), 18u);
    EXPECT_EQ(seen.packet.size, 18u);
}

TEST(NetifTxParserRegression, Xsa448_EmptySlotsAreAnsweredAndTheirReferenceIsNotUsed) {
    auto seen = parse({slot(1, 100, more), slot(2, 0, more), slot(3, 100, more), slot(4, 0)});
    ASSERT_EQ(seen.what, verdict::accepted);
    ASSERT_EQ(seen.packet.fragments.size(), 1u) << "the first slot is empty as well";
    EXPECT_EQ(seen.packet.fragments[0].gref, 1003u);
    ASSERT_TRUE(answer(seen.ring, seen.packet, response_status::okay));
    EXPECT_EQ(seen.ring.outgoing.size(), 4u);
}

TEST(NetifTxParserRegression, Xsa448_APacketOfEmptySlotsIsRejected) {
    expect_rejected(parse({slot(1, 0, more), slot(2, 0)}), packet_error::shorter_than_ethernet);
}

} // namespace
} // namespace xenring::ring::netif
