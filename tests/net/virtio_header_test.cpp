#include "frames.hpp"

#include <xenring/net/virtio_header.hpp>

#include <gtest/gtest.h>

namespace xenring::net::test {
namespace {

namespace netif = ring::netif;

constexpr offloads everything{true, true, true, true};

TEST(virtio_header, APlainFrameNeedsNothing) {
    auto frame = udp_frame(10);
    const auto header = to_virtio(frame, {});
    ASSERT_TRUE(header);
    EXPECT_EQ(header->flags, 0);
    EXPECT_EQ(header->gso_type, virtio_gso::none);
}

TEST(virtio_header, ABlankChecksumIsLocated) {
    auto frame = blank(udp_frame(10));
    const auto header = to_virtio(frame, {.csum_blank = true, .data_validated = true});
    ASSERT_TRUE(header);
    EXPECT_EQ(header->flags, virtio_flag::needs_checksum);
    EXPECT_EQ(header->checksum_start, 34);
    EXPECT_EQ(header->checksum_offset, 6);
}

TEST(virtio_header, ABlankChecksumOfNoKnownProtocolIsNotPassedOn) {
    frame_bytes arp;
    put_ethernet(arp, 0x0806);
    put_payload(arp, 28);
    EXPECT_FALSE(to_virtio(arp, {.csum_blank = true}));
}

TEST(virtio_header, ALargeSegmentKeepsItsSize) {
    for (const bool ipv6 : {false, true}) {
        auto frame = blank(tcp_frame(5000, ipv6));
        netif::packet_info info{.csum_blank = true, .data_validated = true};
        info.gso = {1448, ipv6 ? netif::gso_type::tcpv6 : netif::gso_type::tcpv4, 0};
        const auto header = to_virtio(frame, info);
        ASSERT_TRUE(header);
        EXPECT_EQ(header->gso_size, 1448);
        EXPECT_EQ(header->gso_type, ipv6 ? virtio_gso::tcpv6 : virtio_gso::tcpv4);
        const auto back = from_virtio(*header, frame, everything);
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, info);
    }
}

TEST(virtio_header, ASegmentOfTheWrongKindIsNotPassedOn) {
    auto frame = blank(tcp_frame(5000, true));
    netif::packet_info info{.csum_blank = true};
    info.gso = {1448, netif::gso_type::tcpv4, 0};
    EXPECT_FALSE(to_virtio(frame, info));
    auto datagram = blank(udp_frame(5000));
    EXPECT_FALSE(to_virtio(datagram, info));
}

TEST(virtio_header, ASegmentWithoutABlankChecksumGetsThePseudoHeadersSum) {
    auto frame = tcp_frame(5000);
    netif::packet_info info;
    info.gso = {1448, netif::gso_type::tcpv4, 0};
    ASSERT_TRUE(to_virtio(frame, info));
    EXPECT_EQ(frame, blank(tcp_frame(5000)));
}

TEST(virtio_header, AChecksumThatTheGuestDoesNotTakeIsCompleted) {
    auto frame = blank(tcp_frame(500, true));
    const auto header = to_virtio(frame, {.csum_blank = true});
    ASSERT_TRUE(header);
    const auto info = from_virtio(*header, frame, {.checksum_ipv4 = true});
    ASSERT_TRUE(info);
    EXPECT_FALSE(info->csum_blank);
    EXPECT_TRUE(is_right(frame));
}

TEST(virtio_header, AChecksumOfAnotherProtocolIsCompleted) {
    frame_bytes frame;
    put_ethernet(frame, 0x0800);
    put_ipv4(frame, 1, 9); // ICMP
    put_payload(frame, 9);
    frame[36] = frame[37] = std::byte{0};
    const virtio_header header{
        .flags = virtio_flag::needs_checksum, .checksum_start = 34, .checksum_offset = 2};
    const auto info = from_virtio(header, frame, everything);
    ASSERT_TRUE(info);
    EXPECT_FALSE(info->csum_blank);
    EXPECT_NE(frame[36], std::byte{0});
}

TEST(virtio_header, ASegmentThatTheGuestCannotCutIsDropped) {
    auto frame = blank(tcp_frame(5000));
    virtio_header header{.flags = virtio_flag::needs_checksum,
                         .gso_type = virtio_gso::tcpv4,
                         .gso_size = 1448,
                         .checksum_start = 34,
                         .checksum_offset = 16};
    EXPECT_FALSE(from_virtio(header, frame, {.checksum_ipv4 = true}));
    EXPECT_TRUE(from_virtio(header, frame, everything));
    header.gso_type = 3; // UDP fragmentation, which netif has no word for
    EXPECT_FALSE(from_virtio(header, frame, everything));
}

TEST(virtio_header, NonsenseFromThePortIsDropped) {
    auto frame = udp_frame(10);
    virtio_header header{.flags = virtio_flag::needs_checksum, .checksum_start = 60000};
    EXPECT_FALSE(from_virtio(header, frame, everything));
}

} // namespace
} // namespace xenring::net::test
