// Packets through real rings, from builder to parser and back, and rings whose memory a peer fills
// with garbage meanwhile. Seeds are fixed.
#include "netif_slots.hpp"

#include <xenring/ring/netif_rx_builder.hpp>
#include <xenring/ring/netif_rx_parser.hpp>
#include <xenring/ring/netif_tx_builder.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace xenring::ring::netif {
namespace {

using page = std::array<std::byte, page_size>;

struct alignas(page_size) ring_page {
    std::array<std::byte, page_size> bytes{};
};

packet_info random_info(std::mt19937& random) {
    packet_info info{.csum_blank = random() % 2 == 0, .data_validated = random() % 2 == 0};
    if (random() % 3 == 0)
        info.gso = segmentation{static_cast<std::uint16_t>(1 + random() % 9000),
                                random() % 2 == 0 ? gso_type::tcpv4 : gso_type::tcpv6,
                                static_cast<std::uint16_t>(random() % 2)};
    if (random() % 3 == 0)
        info.hash = packet_hash{static_cast<std::uint8_t>(random() % 4), 1,
                                static_cast<std::uint32_t>(random())};
    if (random() % 5 == 0)
        info.xdp_headroom = static_cast<std::uint16_t>(random() % 512);
    return info;
}

struct tx_pair {
    ring_page memory{};
    tx_front_ring front = tx_front_ring::initialise(memory.bytes);
    tx_back_ring back = tx_back_ring::attach(memory.bytes);
    tx_id_table<256> ids{};
};

struct sent_packet {
    std::vector<tx_piece> pieces;
    packet_info info;
};

/// Writes one random packet if there is room; ids are held by the table meanwhile.
bool send(tx_pair& rings, std::mt19937& random, std::deque<sent_packet>& sent) {
    sent_packet packet{{}, random_info(random)};
    const std::size_t count = random() % 4 == 0 ? 1 + random() % max_slots : 1;
    for (std::size_t i = 0; i != count; ++i) {
        const auto id = rings.ids.acquire();
        if (!id)
            break;
        const auto size =
            static_cast<std::uint16_t>(i == 0 ? 14 + random() % 3000 : 1 + random() % 3500);
        packet.pieces.push_back(
            {*id,
             {static_cast<std::uint32_t>(random()),
              static_cast<std::uint16_t>(random() % (page_size - size + 1u)), size}});
    }
    if (write(rings.front, packet.pieces, packet.info) != send_error::none) {
        for (const auto& piece : packet.pieces)
            rings.ids.release(piece.id);
        return false;
    }
    rings.ids.sent(packet.pieces, extras_of(packet.info).size());
    sent.push_back(packet);
    return true;
}

void expect_same(const tx_packet& seen, const sent_packet& sent) {
    ASSERT_EQ(seen.info, normalised(sent.info));
    ASSERT_EQ(seen.fragments.size(), sent.pieces.size());
    for (std::size_t i = 0; i != sent.pieces.size(); ++i) {
        ASSERT_EQ(seen.fragments[i], sent.pieces[i].data);
        ASSERT_EQ(seen.ids[i], sent.pieces[i].id);
    }
}

TEST(NetifRoundTrip, WhatAFrontendSendsABackendReadsAndEveryIdComesBack) {
    std::mt19937 random(30);
    auto rings = std::make_unique<tx_pair>();
    std::deque<sent_packet> sent;
    std::size_t packets = 0;
    for (int round = 0; round != 20000; ++round) {
        for (std::size_t n = random() % 12; n != 0 && send(*rings, random, sent); --n)
            ++packets;
        (void)rings->front.publish();
        tx_packet seen;
        while (read(rings->back, seen) == verdict::accepted) {
            ASSERT_FALSE(sent.empty());
            expect_same(seen, sent.front());
            sent.pop_front();
            ASSERT_TRUE(answer(rings->back, seen, response_status::okay));
        }
        (void)rings->back.publish();
        while (const auto response = rings->front.pop())
            ASSERT_NE(rings->ids.complete(*response), completion::broken);
        ASSERT_EQ(rings->front.fault(), fault::none);
        ASSERT_TRUE(sent.empty());
        ASSERT_EQ(rings->ids.in_flight(), 0u);
        ASSERT_EQ(rings->back.in_flight(), 0u);
    }
    EXPECT_GT(packets, 50000u);
}

TEST(NetifRoundTrip, ABackendThatIsStartedAgainReadsFromTheBeginningOfAPacket) {
    std::mt19937 random(31);
    auto rings = std::make_unique<tx_pair>();
    std::deque<sent_packet> sent;
    for (int round = 0; round != 2000; ++round) {
        while (send(*rings, random, sent))
            continue;
        (void)rings->front.publish();
        tx_packet seen;
        for (std::size_t n = random() % 8; n != 0 && !sent.empty(); --n) {
            ASSERT_EQ(read(rings->back, seen), verdict::accepted);
            expect_same(seen, sent.front());
            sent.pop_front();
            ASSERT_TRUE(answer(rings->back, seen, response_status::okay));
        }
        (void)rings->back.publish();
        (void)read(rings->back, seen); // read but not answered when the backend dies
        rings->back = tx_back_ring::attach(rings->memory.bytes);
        while (const auto response = rings->front.pop())
            ASSERT_NE(rings->ids.complete(*response), completion::broken) << "answered twice";
    }
}

/// A guest's buffers, one for each slot, and both ends of an rx ring.
struct rx_pair {
    ring_page memory{};
    rx_front_ring front = rx_front_ring::initialise(memory.bytes);
    rx_back_ring back = rx_back_ring::attach(memory.bytes);
    rx_reader reader{};
    std::vector<page> pages{front.capacity()};
    std::vector<std::uint32_t> gref_of_slot = std::vector<std::uint32_t>(front.capacity());
    std::deque<std::uint32_t> unused{}; // indices of pages; a gref is 1000 more

    rx_pair() {
        for (std::uint32_t i = 0; i != pages.size(); ++i)
            unused.push_back(i);
    }
    void post(std::size_t count) {
        for (; count != 0 && !unused.empty(); --count) {
            const auto slot = reader.post(front, 1000 + unused.front());
            ASSERT_TRUE(slot);
            gref_of_slot[*slot] = unused.front();
            unused.pop_front();
        }
        (void)front.publish();
    }
    [[nodiscard]] page& page_of(std::uint16_t slot) { return pages[gref_of_slot[slot]]; }
};

/// Sends a frame whose bytes count up from `seed`; false if there are too few buffers.
bool deliver(rx_pair& rings, std::uint32_t size, const packet_info& info, unsigned seed) {
    rx_delivery out;
    if (plan(rings.back, size, info, {}, out) != send_error::none)
        return false;
    for (const auto& [where, from] : out.targets)
        for (std::uint32_t i = 0; i != where.size; ++i)
            rings.pages[where.gref - 1000][where.offset + i] =
                static_cast<std::byte>(seed + from + i);
    return answer(rings.back, out);
}

void expect_frame(rx_pair& rings, const rx_packet& seen, std::uint32_t size, unsigned seed) {
    ASSERT_EQ(seen.size, size);
    std::uint32_t at = 0;
    for (const auto& piece : seen.pieces)
        for (std::uint32_t i = 0; i != piece.size; ++i, ++at)
            ASSERT_EQ(rings.page_of(piece.slot)[piece.offset + i],
                      static_cast<std::byte>(seed + at))
                << "byte " << at;
}

TEST(NetifRoundTrip, AFrameArrivesInTheBuffersOfItsSlotsAndEveryBufferComesBack) {
    std::mt19937 random(32);
    auto rings = std::make_unique<rx_pair>();
    struct frame {
        std::uint32_t size;
        packet_info info;
        unsigned seed;
    };
    std::deque<frame> sent;
    for (int round = 0; round != 500; ++round) {
        rings->post(random() % 60);
        for (int n = 0; n != 6; ++n) {
            const auto size = static_cast<std::uint32_t>(random() % 4 == 0 ? 14 + random() % 65000
                                                                           : 14 + random() % 1500);
            const frame next{size, random_info(random), static_cast<unsigned>(random())};
            if (deliver(*rings, next.size, next.info, next.seed))
                sent.push_back(next);
        }
        (void)rings->back.publish();
        rx_packet seen;
        while (rings->reader.read(rings->front, seen) == verdict::accepted) {
            ASSERT_FALSE(sent.empty());
            expect_frame(*rings, seen, sent.front().size, sent.front().seed);
            ASSERT_EQ(seen.info, normalised(sent.front().info));
            sent.pop_front();
            for (std::uint16_t i = 0; i != seen.slot_count; ++i)
                rings->unused.push_back(
                    rings->gref_of_slot[(seen.first_slot + i) % rings->pages.size()]);
        }
        ASSERT_EQ(rings->front.fault(), fault::none);
        ASSERT_TRUE(sent.empty());
        ASSERT_EQ(rings->unused.size() + rings->reader.in_flight(), rings->pages.size());
    }
}

/// Overwrites some words of a ring; the producer index stays believable more often than not.
void scribble(ring_page& memory, std::mt19937& random, std::size_t producer, std::uint32_t step) {
    for (std::size_t n = random() % 400; n != 0; --n) {
        const auto value = static_cast<std::uint32_t>(random() % 8 == 0 ? random() : random() % 16);
        std::memcpy(memory.bytes.data() + 64 + 4 * (random() % 1008), &value, 4);
    }
    std::uint32_t index = 0;
    std::memcpy(&index, memory.bytes.data() + producer, 4);
    index += random() % 100 == 0 ? static_cast<std::uint32_t>(random()) : step;
    std::memcpy(memory.bytes.data() + producer, &index, 4);
}

TEST(NetifHostile, AGuestsGarbageEndsInARejectedPacketOrADeadRing) {
    std::mt19937 random(33);
    std::size_t slots = 0, dead = 0;
    for (int life = 0; life != 10000; ++life) {
        auto rings = std::make_unique<tx_pair>();
        tx_packet seen;
        verdict what{};
        for (int round = 0; round != 20 && rings->back.fault() == fault::none; ++round) {
            scribble(rings->memory, random, 0, static_cast<std::uint32_t>(random() % 64));
            while ((what = read(rings->back, seen)) == verdict::accepted ||
                   what == verdict::rejected) {
                slots += seen.ids.size() + seen.extra_slots;
                for (const auto& part : seen.fragments)
                    ASSERT_TRUE(part.size != 0 && part.offset + part.size <= page_size);
                ASSERT_TRUE(what == verdict::accepted || seen.fragments.empty());
                ASSERT_TRUE(answer(rings->back, seen, response_status::error));
            }
            (void)rings->back.publish();
        }
        dead += what == verdict::broken ? 1 : 0;
        ASSERT_EQ(what == verdict::broken, rings->back.fault() != fault::none);
    }
    EXPECT_GT(slots, 10000u);
    EXPECT_GT(dead, 5000u);
}

TEST(NetifHostile, ABackendsGarbageEndsInARejectedPacketOrADeadRing) {
    std::mt19937 random(34);
    std::size_t slots = 0, dead = 0;
    for (int life = 0; life != 10000; ++life) {
        ring_page memory;
        auto front = rx_front_ring::initialise(memory.bytes);
        rx_reader reader;
        rx_packet seen;
        verdict what{};
        for (int round = 0; round != 20 && front.fault() == fault::none; ++round) {
            while (reader.post(front, 1))
                continue;
            (void)front.publish();
            scribble(memory, random, 8, static_cast<std::uint32_t>(random() % 32));
            while ((what = reader.read(front, seen)) == verdict::accepted ||
                   what == verdict::rejected) {
                slots += seen.slot_count;
                for (const auto& part : seen.pieces)
                    ASSERT_TRUE(part.size != 0 && part.offset + part.size <= page_size &&
                                part.slot < front.capacity());
            }
        }
        dead += what == verdict::broken ? 1 : 0;
        ASSERT_EQ(what == verdict::broken, front.fault() != fault::none);
    }
    EXPECT_GT(slots, 10000u);
    EXPECT_GT(dead, 5000u);
}

} // namespace
} // namespace xenring::ring::netif
