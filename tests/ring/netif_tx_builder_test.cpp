// The frontend's half of the tx ring: what it writes, and which answers it believes.
#include "netif_slots.hpp"

#include <xenring/ring/netif_tx_builder.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace xenring::ring::netif {
namespace {

/// A ring with so many free slots that keeps what is pushed.
struct tx_sink {
    std::size_t room = 256;
    std::vector<tx_request> slots{};
    [[nodiscard]] std::size_t free() const noexcept { return room - slots.size(); }
    bool push(const tx_request& slot) noexcept {
        slots.push_back(slot);
        return true;
    }
};

std::vector<tx_piece> pieces_of(std::size_t count, std::uint16_t size = 100) {
    std::vector<tx_piece> pieces;
    for (std::size_t i = 0; i != count; ++i)
        pieces.push_back(
            {static_cast<std::uint16_t>(40 + i), {static_cast<std::uint32_t>(900 + i), 16, size}});
    return pieces;
}

TEST(NetifTxBuilder, OneSlotIsAPacket) {
    tx_sink ring;
    ASSERT_EQ(write(ring, pieces_of(1), {}), send_error::none);
    ASSERT_EQ(ring.slots.size(), 1u);
    const auto& slot = ring.slots[0];
    EXPECT_EQ(slot.gref, 900u);
    EXPECT_EQ(slot.offset, 16);
    EXPECT_EQ(slot.flags, 0);
    EXPECT_EQ(slot.id, 40);
    EXPECT_EQ(slot.size, 100);
}

TEST(NetifTxBuilder, TheFirstSlotHasTheTotalAndAllButTheLastHaveMoreData) {
    tx_sink ring;
    ASSERT_EQ(write(ring, pieces_of(3), {.data_validated = true}), send_error::none);
    ASSERT_EQ(ring.slots.size(), 3u);
    EXPECT_EQ(ring.slots[0].size, 300);
    EXPECT_EQ(ring.slots[1].size, 100);
    EXPECT_EQ(ring.slots[2].size, 100);
    EXPECT_EQ(ring.slots[0].flags, tx_flag::more_data | tx_flag::data_validated);
    EXPECT_EQ(ring.slots[1].flags, tx_flag::more_data);
    EXPECT_EQ(ring.slots[2].flags, 0);
}

TEST(NetifTxBuilder, ExtrasComeAfterTheFirstSlot) {
    tx_sink ring;
    packet_info info;
    info.gso = segmentation{1400, gso_type::tcpv4, 0};
    info.hash = packet_hash{1, 1, 5};
    EXPECT_EQ(tx_slots_needed(2, info), 4u);
    ASSERT_EQ(write(ring, pieces_of(2), info), send_error::none);
    ASSERT_EQ(ring.slots.size(), 4u);
    EXPECT_EQ(ring.slots[0].flags, tx_flag::more_data | tx_flag::extra_info | tx_flag::csum_blank |
                                       tx_flag::data_validated);
    EXPECT_EQ(extra_of(ring.slots[1]).type, extra_type::gso);
    EXPECT_EQ(extra_of(ring.slots[2]).type, extra_type::hash);
    EXPECT_EQ(ring.slots[3].id, 41);
}

TEST(NetifTxBuilder, APacketForWhichThereIsNoRoomIsNotBegun) {
    tx_sink ring{.room = 3};
    packet_info info;
    info.gso = segmentation{1400, gso_type::tcpv4, 0};
    EXPECT_EQ(write(ring, pieces_of(3), info), send_error::no_room);
    EXPECT_TRUE(ring.slots.empty());
    EXPECT_EQ(write(ring, pieces_of(2), info), send_error::none);
}

TEST(NetifTxBuilder, WhatABackendWouldNotTakeIsNotSent) {
    tx_sink ring;
    EXPECT_EQ(write(ring, pieces_of(0), {}), send_error::too_short);
    EXPECT_EQ(write(ring, pieces_of(1, 13), {}), send_error::too_short);
    EXPECT_EQ(write(ring, pieces_of(19), {}), send_error::too_many_slots);
    EXPECT_EQ(write(ring, pieces_of(17, 4000), {}), send_error::too_long);
    EXPECT_EQ(write(ring, pieces_of(1, 4081), {}), send_error::crosses_page);
    EXPECT_EQ(write(ring, pieces_of(2, 0), {}), send_error::crosses_page);
    packet_info info;
    info.gso = segmentation{0, gso_type::tcpv4, 0};
    EXPECT_EQ(write(ring, pieces_of(1), info), send_error::bad_gso);
    EXPECT_TRUE(ring.slots.empty());
    EXPECT_EQ(write(ring, pieces_of(16, 4000), {}), send_error::none);
}

TEST(NetifTxBuilder, AMulticastRequestGrantsNothing) {
    tx_sink ring;
    ASSERT_EQ(write_multicast(ring, 3, extra_type::multicast_add, test::some_group),
              send_error::none);
    test::scripted_tx back{.incoming = {ring.slots.begin(), ring.slots.end()}};
    EXPECT_EQ(ring.slots[0].gref, 0u);
    tx_packet seen;
    ASSERT_EQ(read(back, seen), verdict::accepted);
    EXPECT_EQ(seen.multicast_add, test::some_group);
    tx_sink full{.room = 1};
    EXPECT_EQ(write_multicast(full, 3, extra_type::multicast_add, {}), send_error::no_room);
}

TEST(NetifTxIds, EachIdIsGivenOutOnceUntilItComesBack) {
    tx_id_table<4> ids;
    std::array<bool, 4> seen{};
    for (int i = 0; i != 4; ++i) {
        const auto id = ids.acquire();
        ASSERT_TRUE(id && !seen[*id]);
        seen[*id] = true;
    }
    EXPECT_FALSE(ids.acquire());
    ids.release(2);
    EXPECT_EQ(ids.acquire(), 2);
    EXPECT_FALSE(ids.acquire());
}

TEST(NetifTxIds, AnAnswerInAnyOrderFreesItsId) {
    tx_id_table<4> ids;
    const auto first = *ids.acquire(), second = *ids.acquire();
    ids.sent(first, 0);
    ids.sent(second, 0);
    EXPECT_EQ(ids.in_flight(), 2u);
    EXPECT_EQ(ids.complete({second, response_status::okay}), completion::done);
    EXPECT_FALSE(ids.is_with_backend(second));
    EXPECT_EQ(ids.complete({first, response_status::dropped}), completion::done);
    EXPECT_EQ(ids.in_flight(), 0u);
}

TEST(NetifTxIds, TheIdOfANullAnswerIsNotLookedAt) {
    tx_id_table<4> ids;
    ids.sent(*ids.acquire(), 2);
    EXPECT_EQ(ids.complete({0xffff, response_status::null}), completion::extra);
    EXPECT_EQ(ids.complete({0, response_status::null}), completion::extra);
    EXPECT_EQ(ids.in_flight(), 1u);
}

TEST(NetifTxIds, ABackendThatAnswersWhatItWasNotAskedIsFoundOut) {
    tx_id_table<4> ids;
    const auto held = *ids.acquire();
    EXPECT_EQ(ids.complete({held, response_status::okay}), completion::broken) << "not sent yet";
    ids.sent(held, 0);
    EXPECT_EQ(ids.complete({4, response_status::okay}), completion::broken) << "no such id";
    EXPECT_EQ(ids.complete({0xffff, response_status::okay}), completion::broken);
    EXPECT_EQ(ids.complete({held, 2}), completion::broken) << "no such status";
    EXPECT_EQ(ids.complete({held, -3}), completion::broken);
    EXPECT_EQ(ids.complete({held, response_status::null}), completion::broken) << "no extra sent";
    EXPECT_EQ(ids.complete({held, response_status::error}), completion::done);
    EXPECT_EQ(ids.complete({held, response_status::error}), completion::broken) << "twice";
}

TEST(NetifTxIds, TheAnswerToAMessageReturnsNoPageAndIsToldOnce) {
    tx_id_table<4> ids;
    const auto packet = *ids.acquire(), message = *ids.acquire();
    ids.sent(packet, 0);
    ids.sent_message(message);
    EXPECT_EQ(ids.in_flight(), 2u);
    ids.release(message);
    EXPECT_EQ(ids.complete({packet, response_status::error}), completion::done);
    EXPECT_FALSE(ids.message_status()) << "that was the packet's";
    EXPECT_EQ(ids.complete({message, 2}), completion::broken) << "no such status";
    EXPECT_EQ(ids.complete({message, response_status::error}), completion::extra);
    EXPECT_EQ(ids.complete({0xffff, response_status::null}), completion::extra);
    EXPECT_EQ(ids.in_flight(), 0u);
    EXPECT_EQ(ids.message_status(), response_status::error);
    EXPECT_FALSE(ids.message_status());
    EXPECT_EQ(ids.complete({message, response_status::okay}), completion::broken) << "twice";
    EXPECT_EQ(ids.complete({0, response_status::null}), completion::broken) << "one extra only";
    EXPECT_EQ(ids.acquire(), message);
}

TEST(NetifTxIds, AnIdThatIsWithTheBackendCannotBeReleased) {
    tx_id_table<1> ids;
    const auto id = *ids.acquire();
    ids.sent(id, 0);
    ids.release(id);
    EXPECT_FALSE(ids.acquire()) << "its page may still be read";
    ids.release(7);
    EXPECT_EQ(ids.in_flight(), 1u);
}

} // namespace
} // namespace xenring::ring::netif
