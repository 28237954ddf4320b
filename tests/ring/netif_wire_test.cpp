// The network device's slots against Xen's own header. Almost everything is checked by the
// compiler.
#include <xenring/ring/netif_extras.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {
#include <xen/io/netif.h>
}

namespace xenring::ring::netif {
namespace {

#define XENRING_SAME(ours, theirs, member)                                                         \
    static_assert(offsetof(ours, member) == offsetof(theirs, member));                             \
    static_assert(sizeof(ours::member) == sizeof(theirs::member))

static_assert(sizeof(tx_request) == sizeof(netif_tx_request_t));
XENRING_SAME(tx_request, netif_tx_request, gref);
XENRING_SAME(tx_request, netif_tx_request, offset);
XENRING_SAME(tx_request, netif_tx_request, flags);
XENRING_SAME(tx_request, netif_tx_request, id);
XENRING_SAME(tx_request, netif_tx_request, size);
static_assert(sizeof(tx_response) == sizeof(netif_tx_response_t));
XENRING_SAME(tx_response, netif_tx_response, id);
XENRING_SAME(tx_response, netif_tx_response, status);
static_assert(sizeof(rx_request) == sizeof(netif_rx_request_t));
XENRING_SAME(rx_request, netif_rx_request, id);
XENRING_SAME(rx_request, netif_rx_request, pad);
XENRING_SAME(rx_request, netif_rx_request, gref);
static_assert(sizeof(rx_response) == sizeof(netif_rx_response_t));
XENRING_SAME(rx_response, netif_rx_response, id);
XENRING_SAME(rx_response, netif_rx_response, offset);
XENRING_SAME(rx_response, netif_rx_response, flags);
XENRING_SAME(rx_response, netif_rx_response, status);

static_assert(sizeof(extra_info) == sizeof(netif_extra_info_t));
XENRING_SAME(extra_info, netif_extra_info, type);
XENRING_SAME(extra_info, netif_extra_info, flags);
static_assert(offsetof(extra_info, rest) == offsetof(netif_extra_info, u));
static_assert(offsetof(gso_extra, size) == offsetof(netif_extra_info, u.gso.size));
static_assert(offsetof(gso_extra, gso_type) == offsetof(netif_extra_info, u.gso.type));
static_assert(offsetof(gso_extra, features) == offsetof(netif_extra_info, u.gso.features));
static_assert(offsetof(multicast_extra, address) == offsetof(netif_extra_info, u.mcast.addr));
static_assert(offsetof(hash_extra, hash_type) == offsetof(netif_extra_info, u.hash.type));
static_assert(offsetof(hash_extra, algorithm) == offsetof(netif_extra_info, u.hash.algorithm));
static_assert(offsetof(hash_extra, value) == offsetof(netif_extra_info, u.hash.value));

static_assert(sizeof(union netif_tx_sring_entry) == sizeof(tx_request));
static_assert(sizeof(union netif_rx_sring_entry) == sizeof(rx_response));

static_assert(max_slots == XEN_NETIF_NR_SLOTS_MIN && max_tx_size == XEN_NETIF_MAX_TX_SIZE);
static_assert(tx_flag::csum_blank == NETTXF_csum_blank);
static_assert(tx_flag::data_validated == NETTXF_data_validated);
static_assert(tx_flag::more_data == NETTXF_more_data);
static_assert(tx_flag::extra_info == NETTXF_extra_info);
static_assert(rx_flag::csum_blank == NETRXF_csum_blank);
static_assert(rx_flag::data_validated == NETRXF_data_validated);
static_assert(rx_flag::more_data == NETRXF_more_data);
static_assert(rx_flag::extra_info == NETRXF_extra_info);
static_assert(rx_flag::gso_prefix == NETRXF_gso_prefix);
static_assert(response_status::dropped == NETIF_RSP_DROPPED);
static_assert(response_status::error == NETIF_RSP_ERROR);
static_assert(response_status::okay == NETIF_RSP_OKAY);
static_assert(response_status::null == NETIF_RSP_NULL);
static_assert(extra_type::gso == XEN_NETIF_EXTRA_TYPE_GSO);
static_assert(extra_type::multicast_add == XEN_NETIF_EXTRA_TYPE_MCAST_ADD);
static_assert(extra_type::multicast_del == XEN_NETIF_EXTRA_TYPE_MCAST_DEL);
static_assert(extra_type::hash == XEN_NETIF_EXTRA_TYPE_HASH);
static_assert(extra_type::xdp == XEN_NETIF_EXTRA_TYPE_MAX, "the first that Xen leaves free");
static_assert(extra_more == XEN_NETIF_EXTRA_FLAG_MORE);
static_assert(static_cast<int>(gso_type::tcpv4) == XEN_NETIF_GSO_TYPE_TCPV4);
static_assert(static_cast<int>(gso_type::tcpv6) == XEN_NETIF_GSO_TYPE_TCPV6);

netif_extra_info as_xen(const extra_info& extra) {
    netif_extra_info theirs{};
    std::memcpy(&theirs, &extra, sizeof theirs);
    return theirs;
}

TEST(NetifWire, XenReadsOurSegmentationExtra) {
    const auto theirs = as_xen(encode(segmentation{1448, gso_type::tcpv6, 0x0203}));
    EXPECT_EQ(theirs.type, XEN_NETIF_EXTRA_TYPE_GSO);
    EXPECT_EQ(theirs.u.gso.size, 1448);
    EXPECT_EQ(theirs.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
    EXPECT_EQ(theirs.u.gso.pad, 0);
    EXPECT_EQ(theirs.u.gso.features, 0x0203);
}

TEST(NetifWire, XenReadsOurHashExtraWithTheLeastSignificantByteFirst) {
    const auto theirs = as_xen(encode(packet_hash{3, 1, 0x11223344}));
    EXPECT_EQ(theirs.type, XEN_NETIF_EXTRA_TYPE_HASH);
    EXPECT_EQ(theirs.u.hash.type, 3);
    EXPECT_EQ(theirs.u.hash.algorithm, 1);
    EXPECT_EQ(theirs.u.hash.value[0], 0x44);
    EXPECT_EQ(theirs.u.hash.value[3], 0x11);
}

TEST(NetifWire, XenReadsOurMulticastExtra) {
    const auto theirs = as_xen(encode_multicast(extra_type::multicast_del, {1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(theirs.type, XEN_NETIF_EXTRA_TYPE_MCAST_DEL);
    EXPECT_EQ(theirs.u.mcast.addr[0], 1);
    EXPECT_EQ(theirs.u.mcast.addr[5], 6);
}

TEST(NetifWire, AnExtraSurvivesASlotOfEitherRingAndLeaksNothingBesideIt) {
    const auto extra = encode(packet_hash{1, 1, 0xdeadbeef});
    const auto in_tx = tx_slot_of(extra);
    EXPECT_EQ(std::memcmp(&in_tx, &extra, sizeof extra), 0);
    EXPECT_EQ(in_tx.id, 0);
    EXPECT_EQ(in_tx.size, 0);
    const auto back_from_tx = extra_of(in_tx);
    EXPECT_EQ(std::memcmp(&back_from_tx, &extra, sizeof extra), 0);
    const auto back_from_rx = extra_of(rx_slot_of(extra));
    EXPECT_EQ(std::memcmp(&back_from_rx, &extra, sizeof extra), 0);
}

TEST(NetifWire, ExtrasAreChainedInTheOrderOfTheirTypes) {
    packet_info info;
    EXPECT_TRUE(extras_of(info).empty());
    info.xdp_headroom = 256;
    info.hash = packet_hash{0, 1, 7};
    info.gso = segmentation{1000, gso_type::tcpv4, 0};
    const auto list = extras_of(info);
    ASSERT_EQ(list.size(), 3u);
    EXPECT_EQ(list[0].type, extra_type::gso);
    EXPECT_EQ(list[1].type, extra_type::hash);
    EXPECT_EQ(list[2].type, extra_type::xdp);
    EXPECT_EQ(list[0].flags, extra_more);
    EXPECT_EQ(list[1].flags, extra_more);
    EXPECT_EQ(list[2].flags, 0);
}

TEST(NetifWire, WhatTheEncoderWroteTheCollectorReads) {
    packet_info sent, seen;
    sent.xdp_headroom = 256;
    sent.hash = packet_hash{2, 1, 0x80000001};
    sent.gso = segmentation{65535, gso_type::tcpv6, 9};
    extra_collector collector{false};
    for (const auto& extra : extras_of(sent))
        ASSERT_EQ(collector.take(extra, seen), packet_error::none);
    EXPECT_EQ(seen, sent);
    EXPECT_EQ(collector.count(), 3u);
}

TEST(NetifWire, ChecksumBitsAreSwappedBetweenTheRings) {
    packet_info info{.data_validated = true};
    EXPECT_EQ(tx_flags(info), NETTXF_data_validated);
    EXPECT_EQ(rx_flags(info), NETRXF_data_validated);
    info = {.csum_blank = true};
    EXPECT_EQ(tx_flags(info), NETTXF_csum_blank);
    EXPECT_EQ(rx_flags(info), NETRXF_csum_blank);
    EXPECT_NE(tx_flags(info), rx_flags(info));
}

TEST(NetifWire, ASegmentedPacketIsSentWithABlankAndValidatedChecksum) {
    packet_info info;
    info.gso = segmentation{1448, gso_type::tcpv4, 0};
    EXPECT_TRUE(info.needs_checksum_fixup());
    const auto sent = normalised(info);
    EXPECT_TRUE(sent.csum_blank && sent.data_validated && !sent.needs_checksum_fixup());
    EXPECT_EQ(normalised({.data_validated = true}), (packet_info{.data_validated = true}));
    EXPECT_EQ(normalised({}), packet_info{});
}

TEST(NetifWire, EveryErrorHasAPhraseOfItsOwn) {
    for (int i = 0; i <= static_cast<int>(packet_error::unasked_gso_prefix); ++i)
        for (int j = 0; j != i; ++j)
            EXPECT_STRNE(describe(static_cast<packet_error>(i)),
                         describe(static_cast<packet_error>(j)));
    EXPECT_STREQ(describe(packet_error::unasked_gso_prefix),
                 "segmentation prefix that nobody asked for");
    EXPECT_STREQ(describe(static_cast<packet_error>(200)), "unknown error");
}

} // namespace
} // namespace xenring::ring::netif
