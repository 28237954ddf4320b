// The frontend's half of the rx ring: which packets it believes.
#include "netif_slots.hpp"

#include <xenring/ring/netif_rx_parser.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace xenring::ring::netif {
namespace {

using front = test::scripted_ring<rx_response, rx_request>;

/// A ring of 8 slots, as far as the reader is concerned.
struct small_front : front {
    [[nodiscard]] static std::size_t capacity() noexcept { return 8; }
};

struct outcome {
    verdict what;
    rx_packet packet;
    small_front ring;
    rx_reader reader;
};

outcome parse(std::initializer_list<rx_response> responses, std::uint32_t position = 0) {
    outcome result{{}, {}, {}, rx_reader(position)};
    result.ring.incoming = responses;
    for (std::uint32_t gref = 0; gref != 8; ++gref)
        EXPECT_TRUE(result.reader.post(result.ring, gref));
    result.what = result.reader.read(result.ring, result.packet);
    return result;
}

rx_response slot(std::uint16_t id, std::int16_t status, unsigned flags = 0,
                 std::uint16_t offset = 0) {
    return {id, offset, static_cast<std::uint16_t>(flags), status};
}

rx_response rx_extra(extra_info extra, bool more = false) {
    extra.flags = more ? extra_more : std::uint8_t{0};
    return rx_slot_of(extra);
}

void expect_broken(const outcome& seen, packet_error why) {
    EXPECT_EQ(seen.what, verdict::broken);
    EXPECT_EQ(seen.packet.error, why) << describe(seen.packet.error);
    EXPECT_EQ(seen.ring.what, fault::malformed_packet);
}

void expect_rejected(const outcome& seen, packet_error why, unsigned slots) {
    EXPECT_EQ(seen.what, verdict::rejected);
    EXPECT_EQ(seen.packet.error, why) << describe(seen.packet.error);
    EXPECT_EQ(seen.packet.slot_count, slots) << "their buffers are to be recycled";
    EXPECT_EQ(seen.ring.what, fault::none);
}

constexpr unsigned more = rx_flag::more_data;
constexpr unsigned extra = rx_flag::extra_info;

TEST(NetifRxParser, ABufferIsKnownByItsSlot) {
    const auto seen = parse({});
    EXPECT_EQ(seen.what, verdict::empty);
    ASSERT_EQ(seen.ring.outgoing.size(), 8u);
    for (std::uint16_t i = 0; i != 8; ++i) {
        EXPECT_EQ(seen.ring.outgoing[i].id, i);
        EXPECT_EQ(seen.ring.outgoing[i].gref, i);
    }
    EXPECT_EQ(seen.reader.in_flight(), 8u);
}

TEST(NetifRxParser, OneSlotIsAPacket) {
    const auto seen = parse({slot(0, 60, rx_flag::data_validated, 2)});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.size, 60u);
    ASSERT_EQ(seen.packet.pieces.size(), 1u);
    EXPECT_EQ(seen.packet.pieces[0], (rx_piece{0, 2, 60}));
    EXPECT_EQ(seen.packet.info, (packet_info{.data_validated = true}));
    EXPECT_EQ(seen.reader.in_flight(), 7u);
}

TEST(NetifRxParser, SlotsWrapAround) {
    const auto seen = parse({slot(6, 4096, more), slot(7, 4096, more), slot(0, 100)}, 8 * 100 + 6);
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.first_slot, 6);
    EXPECT_EQ(seen.packet.slot_count, 3);
    EXPECT_EQ(seen.packet.pieces[2], (rx_piece{0, 0, 100}));
}

TEST(NetifRxParser, TheBufferOfAnExtraComesBackUnfilled) {
    const auto seen = parse(
        {slot(0, 4096, more | extra | rx_flag::csum_blank), rx_extra(test::gso()), slot(2, 100)});
    ASSERT_EQ(seen.what, verdict::accepted);
    EXPECT_EQ(seen.packet.slot_count, 3);
    ASSERT_EQ(seen.packet.pieces.size(), 2u);
    EXPECT_EQ(seen.packet.pieces[1].slot, 2);
    EXPECT_EQ(seen.packet.info.gso, (segmentation{1448, gso_type::tcpv4, 0}));
    EXPECT_TRUE(seen.packet.info.csum_blank);
}

TEST(NetifRxParser, AnEmptySlotIsNoPiece) {
    const auto seen = parse({slot(0, 0, more), slot(1, 60)});
    ASSERT_EQ(seen.what, verdict::accepted);
    ASSERT_EQ(seen.packet.pieces.size(), 1u);
    EXPECT_EQ(seen.packet.pieces[0].slot, 1);
}

TEST(NetifRxParser, ASlotThatTheBackendCouldNotFillLosesThePacketOnly) {
    expect_rejected(parse({slot(0, 4096, more), slot(1, -1, more), slot(2, 9)}),
                    packet_error::backend_reported, 3);
    expect_rejected(parse({slot(0, -2)}), packet_error::backend_reported, 1);
    expect_rejected(parse({slot(0, -32768)}), packet_error::backend_reported, 1);
}

TEST(NetifRxParser, AFrameShorterThanAnEthernetHeaderIsRejected) {
    expect_rejected(parse({slot(0, 13)}), packet_error::shorter_than_ethernet, 1);
    expect_rejected(parse({slot(0, 0)}), packet_error::shorter_than_ethernet, 1);
}

TEST(NetifRxParser, ALostPacketDoesNotDisturbTheNext) {
    auto seen = parse({slot(0, -1, more), slot(1, 20), slot(2, 60)});
    ASSERT_EQ(seen.what, verdict::rejected);
    ASSERT_EQ(seen.reader.read(seen.ring, seen.packet), verdict::accepted);
    EXPECT_EQ(seen.packet.pieces[0].slot, 2);
    EXPECT_EQ(seen.reader.read(seen.ring, seen.packet), verdict::empty);
}

TEST(NetifRxParser, ABackendThatLiesIsFoundOut) {
    expect_broken(parse({slot(1, 60)}), packet_error::wrong_id);
    expect_broken(parse({slot(0xffff, 60)}), packet_error::wrong_id);
    expect_broken(parse({slot(0, 60, more), slot(0, 60)}), packet_error::wrong_id);
    expect_broken(parse({slot(0, 60, 0, 4037)}), packet_error::crosses_page);
    expect_broken(parse({slot(0, 4097)}), packet_error::crosses_page);
    expect_broken(parse({slot(0, 32767, 0, 0xffff)}), packet_error::crosses_page);
    expect_broken(parse({slot(0, 60, more)}), packet_error::incomplete_packet);
    expect_broken(parse({slot(0, 60, extra)}), packet_error::incomplete_packet);
    expect_broken(parse({slot(0, 60, rx_flag::gso_prefix)}), packet_error::unasked_gso_prefix);
    expect_broken(parse({slot(0, 60, extra), rx_extra(test::gso(0))}), packet_error::zero_gso_size);
    expect_broken(parse({slot(0, 60, extra), rx_extra(test::gso(9, 7))}),
                  packet_error::unknown_gso_type);
    expect_broken(parse({slot(0, 60, extra), rx_extra(test::gso(), true), rx_extra(test::gso())}),
                  packet_error::repeated_extra);
    expect_broken(parse({slot(0, 60, extra), rx_extra({})}), packet_error::unknown_extra);
}

TEST(NetifRxParser, ABackendHasNoBusinessWithMulticastRequests) {
    expect_broken(parse({slot(0, 60, extra), rx_extra(encode_multicast(2, test::some_group))}),
                  packet_error::unknown_extra);
}

TEST(NetifRxParser, APacketThatDoesNotEndIsAnAttack) {
    outcome seen{{}, {}, {}, rx_reader()};
    for (std::uint16_t i = 0; i != 200; ++i)
        seen.ring.incoming.push_back(slot(i % 8, 10, more));
    seen.what = seen.reader.read(seen.ring, seen.packet);
    expect_broken(seen, packet_error::endless_packet);
    EXPECT_EQ(seen.ring.popped, fatal_slots + 1);
}

TEST(NetifRxParserRegression, Xsa155_ABackendThatRewritesAResponseChangesNothing) {
    struct rewriting_ring : small_front {
        rx_response shared = slot(0, 60);
        bool pop(rx_response& copy) noexcept {
            copy = shared;
            shared = slot(0, 32767, more, 0xffff);
            return true;
        }
    } ring;
    rx_packet packet;
    rx_reader reader;
    ASSERT_EQ(reader.read(ring, packet), verdict::accepted);
    EXPECT_EQ(packet.pieces[0], (rx_piece{0, 0, 60}));
}

TEST(NetifRxParserRegression, Xsa396_AfterALieNothingMoreIsRead) {
    auto seen = parse({slot(3, 60), slot(1, 60)});
    ASSERT_EQ(seen.what, verdict::broken);
    EXPECT_EQ(seen.reader.read(seen.ring, seen.packet), verdict::broken);
    EXPECT_EQ(seen.packet.error, packet_error::ring_fault);
    EXPECT_TRUE(seen.packet.pieces.empty());
}

} // namespace
} // namespace xenring::ring::netif
