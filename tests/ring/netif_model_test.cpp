// Millions of random slots, against a second and simpler reading of the rules. Seeds are fixed.
#include "netif_slots.hpp"

#include <xenring/ring/netif_rx_parser.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <random>
#include <set>
#include <vector>

namespace xenring::ring::netif {
namespace {

class dice {
public:
    explicit dice(std::uint32_t seed) : engine_(seed) {}
    /// 0 .. sides - 1
    std::uint16_t roll(std::uint32_t sides) {
        return static_cast<std::uint16_t>(engine_() % sides);
    }
    bool once_in(std::uint32_t times) { return roll(times) == 0; }
    std::uint16_t any() { return static_cast<std::uint16_t>(engine_()); }
    /// A number that is likely to be near one of these.
    std::uint16_t near(std::initializer_list<unsigned> values) {
        return static_cast<std::uint16_t>(
            *(values.begin() + roll(static_cast<std::uint32_t>(values.size()))) + roll(3) - 1u);
    }

private:
    std::mt19937 engine_;
};

extra_info random_extra(dice& random) {
    extra_info extra{
        static_cast<std::uint8_t>(random.once_in(12) ? random.roll(256) : 1 + random.roll(5)),
        static_cast<std::uint8_t>(random.once_in(3) ? 1 : 0),
        {}};
    for (auto& byte : extra.rest)
        byte = static_cast<std::uint8_t>(random.any());
    if (extra.type == extra_type::gso && !random.once_in(8)) {
        const bool more = (extra.flags & extra_more) != 0;
        extra = test::gso(1448, 1u + random.roll(2));
        extra.flags = more ? extra_more : std::uint8_t{0};
    }
    return extra;
}

/// The rules, read with all slots at hand: first the chain, then the sums.
struct chain {
    bool broken = false;
    std::vector<extra_info> extras{};
    std::vector<std::size_t> data{}; // indices of data slots
    std::size_t slots = 0;

    template <class Slot>
    chain(const std::vector<Slot>& all, bool multicast) {
        constexpr unsigned more_bit = 4, extra_bit = 8; // alike in both rings
        bool extra = (all[0].flags & extra_bit) != 0;
        data.push_back(slots++);
        std::set<unsigned> types;
        for (; extra && !broken; ++slots) {
            if (slots == all.size())
                broken = true;
            if (broken)
                return;
            extras.push_back(extra_of(all[slots]));
            const auto& last = extras.back();
            const bool is_multicast = last.type == 2 || last.type == 3;
            broken = last.type < 1 || last.type > 5 || !types.insert(last.type).second ||
                     (is_multicast && !multicast) || (last.type == 1 && !good_gso(last));
            extra = (last.flags & 1) != 0;
        }
        for (bool more = (all[0].flags & more_bit) != 0; more && !broken; ++slots) {
            broken = slots == all.size() || data.size() == 20;
            if (broken)
                return;
            data.push_back(slots);
            more = (all[slots].flags & more_bit) != 0;
        }
    }

    static bool good_gso(const extra_info& extra) {
        const unsigned size = extra.rest[0] + 256u * extra.rest[1];
        return size != 0 && (extra.rest[2] == 1 || extra.rest[2] == 2);
    }
    [[nodiscard]] bool has(unsigned type) const {
        for (const auto& extra : extras)
            if (extra.type == type)
                return true;
        return false;
    }
};

struct reading {
    verdict what = verdict::accepted;
    std::vector<fragment> bytes{}; // of an rx packet gref is the slot
    std::uint32_t size = 0;
};

reading read_tx(const std::vector<tx_request>& all, const chain& links) {
    reading result;
    std::uint32_t others = 0;
    for (std::size_t i = 1; i < links.data.size(); ++i) {
        const auto& slot = all[links.data[i]];
        others += slot.size;
        if (slot.offset + slot.size > 4096)
            return {verdict::broken};
    }
    const bool many = links.data.size() > 18;
    if (links.has(2) || links.has(3))
        return {many ? verdict::rejected : verdict::accepted};
    if (many || others > all[0].size || all[0].size < 14)
        return {verdict::rejected};
    for (std::size_t i = 0; i != links.data.size(); ++i) {
        const auto& slot = all[links.data[i]];
        const std::uint32_t size = i == 0 ? slot.size - others : slot.size;
        if (slot.offset + size > 4096)
            return {verdict::broken};
        if (size != 0)
            result.bytes.push_back({slot.gref, slot.offset, static_cast<std::uint16_t>(size)});
        result.size += size;
    }
    return result;
}

tx_request random_tx(dice& random) {
    if (random.once_in(5))
        return tx_slot_of(random_extra(random));
    tx_request slot{random.any(), 0, 0, random.any(), 0};
    slot.offset = random.once_in(3) ? random.near({1, 2000, 4082, 4095}) : std::uint16_t{0};
    slot.size = random.once_in(2) ? random.near({1, 14, 60, 1500, 4096, 9000, 65534})
                                  : static_cast<std::uint16_t>(random.roll(2000));
    slot.flags = static_cast<std::uint16_t>((random.once_in(8) ? 0 : random.roll(8)) |
                                            (random.once_in(4) ? 8 : 0));
    if (random.once_in(200))
        slot.flags = random.any();
    return slot;
}

void compare(const reading& expected, verdict what, const tx_packet& packet) {
    ASSERT_EQ(what, expected.what) << describe(packet.error);
    if (what != verdict::accepted)
        return;
    ASSERT_EQ(packet.size, expected.size);
    ASSERT_EQ(std::vector(packet.fragments.begin(), packet.fragments.end()), expected.bytes);
}

TEST(NetifModel, ATxParserReadsRandomSlotsAsTheModelDoes) {
    dice random(20);
    std::size_t seen[4]{};
    for (int round = 0; round != 300000; ++round) {
        std::vector<tx_request> all;
        // Long chains get one slot type more often than short ones would.
        const std::size_t count = 1 + random.roll(random.once_in(4) ? 24u : 5u);
        for (std::size_t i = 0; i != count; ++i) {
            all.push_back(random_tx(random));
            if (count > 6 && i != 0 && !random.once_in(40)) {
                all[i].flags = tx_flag::more_data;
                all[i].size %= 60;
            }
        }
        test::scripted_tx ring{.incoming = {all.begin(), all.end()}};
        tx_packet packet;
        const auto what = read(ring, packet);
        ++seen[static_cast<int>(what)];
        const chain links(all, true);
        if (links.broken) {
            ASSERT_EQ(what, verdict::broken);
            continue;
        }
        compare(read_tx(all, links), what, packet);
        ASSERT_LE(ring.popped, fatal_slots + max_extras + 1);
        if (what == verdict::broken)
            continue;
        ASSERT_EQ(ring.popped, links.slots);
        ASSERT_TRUE(answer(ring, packet, response_status::okay));
        ASSERT_EQ(ring.outgoing.size(), links.slots) << "one response for each slot";
        ASSERT_EQ(packet.info.gso.has_value(),
                  what == verdict::accepted && links.has(1) && !packet.is_multicast_control());
    }
    for (const auto what : {verdict::accepted, verdict::rejected, verdict::broken})
        EXPECT_GT(seen[static_cast<int>(what)], 10000u) << "each kind was tried often";
}

struct rx_list : test::scripted_ring<rx_response, rx_request> {
    [[nodiscard]] static std::size_t capacity() noexcept { return 32; }
};

reading read_rx(const std::vector<rx_response>& all, const chain& links, std::uint32_t position) {
    reading result;
    bool failed = links.data.size() > 18;
    for (const std::size_t index : links.data) {
        const auto& slot = all[index];
        const std::uint32_t number = (position + index) % 32;
        if (slot.id != number || (slot.flags & 16) != 0)
            return {verdict::broken};
        failed = failed || slot.status < 0;
        if (slot.status >= 0 && slot.offset + slot.status > 4096)
            return {verdict::broken};
        if (slot.status > 0)
            result.bytes.push_back({number, slot.offset, static_cast<std::uint16_t>(slot.status)});
        result.size += slot.status > 0 ? static_cast<std::uint32_t>(slot.status) : 0;
    }
    result.what = failed || result.size < 14 ? verdict::rejected : verdict::accepted;
    return result;
}

rx_response random_rx(dice& random, std::uint32_t number) {
    if (random.once_in(6))
        return rx_slot_of(random_extra(random));
    rx_response slot{static_cast<std::uint16_t>(number % 32), 0, 0, 0};
    slot.offset = random.once_in(8) ? random.near({1, 256, 4000, 4095}) : std::uint16_t{0};
    slot.status = static_cast<std::int16_t>(
        random.once_in(3) ? random.near({0, 1, 14, 1500, 4095, 65535}) : random.roll(3000));
    slot.flags = static_cast<std::uint16_t>((random.once_in(8) ? 0 : random.roll(8)) |
                                            (random.once_in(4) ? 8 : 0));
    if (random.once_in(100))
        slot.flags = random.any();
    if (random.once_in(60))
        slot.id = random.any();
    return slot;
}

TEST(NetifModel, AnRxParserReadsRandomSlotsAsTheModelDoes) {
    dice random(21);
    std::size_t seen[4]{};
    for (int round = 0; round != 300000; ++round) {
        const std::uint32_t position = random.any();
        std::vector<rx_response> all;
        const std::size_t count = 1 + random.roll(random.once_in(4) ? 24u : 5u);
        for (std::uint32_t i = 0; i != count; ++i) {
            all.push_back(random_rx(random, position + i));
            if (count > 6 && i != 0 && !random.once_in(40))
                all[i] = {static_cast<std::uint16_t>((position + i) % 32), 0, rx_flag::more_data,
                          static_cast<std::int16_t>(random.roll(60))};
        }
        rx_list ring;
        ring.incoming = {all.begin(), all.end()};
        rx_reader reader(position);
        rx_packet packet;
        const auto what = reader.read(ring, packet);
        ++seen[static_cast<int>(what)];
        const chain links(all, false);
        const auto expected =
            links.broken ? reading{verdict::broken} : read_rx(all, links, position);
        ASSERT_EQ(what, expected.what) << describe(packet.error);
        if (what == verdict::broken)
            continue;
        ASSERT_EQ(packet.slot_count, links.slots);
        if (what == verdict::rejected)
            continue;
        ASSERT_EQ(packet.size, expected.size);
        ASSERT_EQ(packet.pieces.size(), expected.bytes.size());
        for (std::size_t i = 0; i != expected.bytes.size(); ++i) {
            const auto& piece = packet.pieces[i];
            ASSERT_EQ((fragment{piece.slot, piece.offset, piece.size}), expected.bytes[i]);
        }
    }
    for (const auto what : {verdict::accepted, verdict::rejected, verdict::broken})
        EXPECT_GT(seen[static_cast<int>(what)], 10000u) << "each kind was tried often";
}

} // namespace
} // namespace xenring::ring::netif
