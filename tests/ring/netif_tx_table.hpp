#pragma once

/// Tables of tx slots and what the parser must make of them.

#include "netif_slots.hpp"

#include <xenring/ring/netif_tx_parser.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>

namespace xenring::test::tx {

using namespace ring::netif;
using ring::fault;

inline constexpr std::uint16_t more = tx_flag::more_data;
inline constexpr std::uint16_t extra = tx_flag::extra_info;

/// A data slot; the id tells where in the packet it is.
inline tx_request slot(std::uint16_t id, std::uint16_t size, std::uint16_t flags = 0,
                       std::uint16_t offset = 0) {
    return {1000u + id, offset, flags, id, size};
}

struct outcome {
    verdict what;
    tx_packet packet;
    scripted_tx ring;
};

inline outcome parse(std::initializer_list<tx_request> slots) {
    outcome result{};
    result.ring.incoming = slots;
    result.what = read(result.ring, result.packet);
    return result;
}

inline void expect_broken(const outcome& seen, packet_error why) {
    EXPECT_EQ(seen.what, verdict::broken);
    EXPECT_EQ(seen.packet.error, why) << describe(seen.packet.error);
    EXPECT_EQ(seen.ring.what, fault::malformed_packet);
    EXPECT_TRUE(seen.ring.outgoing.empty());
}

/// The packet is lost, all of its slots are consumed, and the ring goes on.
inline void expect_rejected(outcome seen, packet_error why) {
    EXPECT_EQ(seen.what, verdict::rejected);
    EXPECT_EQ(seen.packet.error, why) << describe(seen.packet.error);
    EXPECT_EQ(seen.ring.what, fault::none);
    EXPECT_TRUE(seen.ring.incoming.empty());
    ASSERT_TRUE(answer(seen.ring, seen.packet, response_status::error));
    EXPECT_EQ(seen.ring.outgoing.size(), seen.ring.popped);
}

/// A packet of so many data slots.
inline outcome parse_slots(std::size_t count) {
    outcome result{};
    for (std::size_t i = 0; i != count; ++i)
        result.ring.incoming.push_back(slot(static_cast<std::uint16_t>(i), i == 0 ? 1000 : 10,
                                            i + 1 == count ? std::uint16_t{0} : more));
    result.what = read(result.ring, result.packet);
    return result;
}

} // namespace xenring::test::tx
