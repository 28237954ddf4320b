#include "frames.hpp"

#include <gtest/gtest.h>

#include <random>

namespace xenring::net::test {
namespace {

TEST(transport, FindsUdpOverIpv4) {
    const auto where = find_transport(udp_frame(10));
    ASSERT_TRUE(where);
    EXPECT_EQ(where->start, 34);
    EXPECT_EQ(where->checksum, 40);
    EXPECT_EQ(where->payload, 42);
    EXPECT_EQ(where->end, 52U);
}

TEST(transport, FindsTcpOverIpv6) {
    const auto where = find_transport(tcp_frame(10, true));
    ASSERT_TRUE(where);
    EXPECT_TRUE(where->ipv6);
    EXPECT_EQ(where->start, 54);
    EXPECT_EQ(where->checksum, 70);
}

TEST(transport, LooksBehindVlanTags) {
    auto frame = udp_frame(10);
    frame_bytes tags;
    put16(tags, 0x88a8);
    put16(tags, 5);
    put16(tags, 0x8100);
    put16(tags, 7);
    frame.insert(frame.begin() + 12, tags.begin(), tags.end());
    const auto where = find_transport(frame);
    ASSERT_TRUE(where);
    EXPECT_EQ(where->start, 42);
    EXPECT_TRUE(is_right(frame));
}

TEST(transport, PassesExtensionHeadersOfIpv6) {
    frame_bytes frame;
    put_ethernet(frame, 0x86dd);
    put_ipv6(frame, 0, 8 + 8 + 3); // hop by hop
    put8(frame, 17);
    put8(frame, 0);
    put_payload(frame, 6);
    put_udp(frame, 3);
    put_payload(frame, 3);
    const auto where = find_transport(frame);
    ASSERT_TRUE(where);
    EXPECT_EQ(where->start, 62);
}

TEST(transport, AFragmentHasNoTransportHeader) {
    auto frame = udp_frame(100);
    frame[20] = std::byte{0x20}; // more fragments
    EXPECT_FALSE(find_transport(frame));
}

TEST(transport, AKnownChecksumComesOut) {
    // RFC 1071's example turned into a payload: the sum of 0001 f203 f4f5 f6f7 is ddf2.
    frame_bytes bytes;
    for (const unsigned word : {0x0001, 0xf203, 0xf4f5, 0xf6f7, 0x0000})
        put16(bytes, word);
    ASSERT_TRUE(complete_checksum(bytes, 0, 8, 10));
    EXPECT_EQ(bytes[8], std::byte{0x22});
    EXPECT_EQ(bytes[9], std::byte{0x0d});
}

/// RFC 1071 word by word.
std::uint16_t checksum_of(std::span<const std::byte> bytes) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 2) {
        const auto high = std::to_integer<unsigned>(bytes[at]);
        const auto low = at + 1 < bytes.size() ? std::to_integer<unsigned>(bytes[at + 1]) : 0;
        sum += high << 8 | low;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(~sum);
}

TEST(transport, SumsEveryLengthAtEveryPlace) {
    std::mt19937 random{2};
    for (const bool carries : {false, true})
        for (std::size_t start = 0; start != 9; ++start)
            for (std::size_t size = 2; size != 140; ++size) {
                frame_bytes bytes(start + size + 1); // one beyond that must not count
                for (auto& each : bytes)
                    each = static_cast<std::byte>(carries ? 0xff : random());
                const auto expected = checksum_of(std::span{bytes}.subspan(start, size));
                ASSERT_TRUE(complete_checksum(bytes, start, start, start + size));
                const auto found = std::to_integer<unsigned>(bytes[start]) << 8 |
                                   std::to_integer<unsigned>(bytes[start + 1]);
                ASSERT_EQ(found, expected == 0 ? 0xffff : expected) << start << ' ' << size;
            }
}

TEST(transport, TheLargestFrameIsSummedUp) {
    const std::size_t size = 65535;
    frame_bytes bytes(size, std::byte{0xff});
    bytes[0] = bytes[1] = std::byte{0};
    const auto expected = checksum_of(bytes);
    ASSERT_TRUE(complete_checksum(bytes, 0, 0, size));
    EXPECT_EQ(std::to_integer<unsigned>(bytes[0]) << 8 | std::to_integer<unsigned>(bytes[1]),
              expected);
}

TEST(transport, NoticesAChangedByte) {
    for (const bool ipv6 : {false, true}) {
        auto frame = tcp_frame(101, ipv6);
        EXPECT_TRUE(is_right(frame));
        frame[frame.size() - 1] ^= std::byte{1};
        EXPECT_FALSE(is_right(frame));
    }
}

TEST(transport, EveryCutOffFrameIsRefusedOrWhole) {
    for (const bool ipv6 : {false, true}) {
        const auto frame = tcp_frame(30, ipv6);
        for (std::size_t size = 0; size != frame.size(); ++size) {
            const frame_bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(find_transport(cut)) << size;
        }
    }
}

TEST(transport, GarbageNeverLeadsOutOfTheFrame) {
    std::mt19937 random{1};
    const frame_bytes seeds[] = {udp_frame(40), tcp_frame(40), tcp_frame(40, true)};
    for (int round = 0; round != 200'000; ++round) {
        auto frame = seeds[random() % 3];
        for (unsigned i = random() % 8; i != 0; --i)
            frame[random() % frame.size()] = static_cast<std::byte>(random());
        frame.resize(random() % (frame.size() + 1));
        const auto where = find_transport(frame);
        if (!where)
            continue;
        ASSERT_LE(where->end, frame.size());
        ASSERT_LE(where->checksum + 2U, where->end);
        ASSERT_LE(where->payload, where->end);
        seed_checksum(frame, *where);
        ASSERT_TRUE(complete_checksum(frame, where->start, where->checksum, where->end));
        ASSERT_TRUE(checksum_is_right(frame, *where));
    }
}

} // namespace
} // namespace xenring::net::test
