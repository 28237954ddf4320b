#include "guarded_memory.hpp"

#include <xenring/ring/vchan_page.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace xenring::ring {
namespace {

class VchanPage : public testing::Test {
protected:
    VchanPage() { std::memset(memory.bytes().data(), 0x5a, page_size); }
    std::uint8_t byte(std::size_t at) const { return std::uint8_t(memory.bytes()[at]); }

    test::guarded_memory memory;
    vchan_page page{memory.first_page()};
};

TEST_F(VchanPage, ServerWritesExactlyTheBytesThatLibxenvchanWrites) {
    const std::vector<std::uint32_t> references{0x11223344, 0x55667788, 0x99aabbcc};
    ASSERT_EQ(page.initialise({12, 13}, references), fault::none);
    std::array<std::uint8_t, page_size> expected{};
    expected[16] = 12;
    expected[18] = 13;
    expected[20] = 2;
    expected[21] = 1;
    expected[22] = 1;
    std::memcpy(&expected[24], references.data(), 12);
    EXPECT_EQ(std::memcmp(expected.data(), memory.bytes().data(), page_size), 0);
    EXPECT_EQ(page.geometry(), (vchan_geometry{12, 13}));
    EXPECT_EQ(page.reference(2), 0x99aabbccu);
}

TEST_F(VchanPage, ClientStoresItsLiveByteAndItsWish) {
    ASSERT_EQ(page.initialise({10, 11}, {}), fault::none);
    page.connect();
    EXPECT_EQ(byte(20), 1);
    EXPECT_EQ(byte(23), 1);
    EXPECT_EQ(byte(22), 1);
}

TEST_F(VchanPage, ImpossibleGeometryIsRefusedAndNothingWritten) {
    EXPECT_EQ(page.initialise({10, 10}, {}), fault::equal_in_page_orders);
    EXPECT_EQ(page.initialise({10, 20}, std::vector<std::uint32_t>(256)),
              fault::references_overlap_ring);
    EXPECT_EQ(page.initialise({11, 12}, {}), fault::unusable_memory);
    EXPECT_EQ(byte(20), 0x5a);
}

TEST_F(VchanPage, RingsInThePageAreWhereTheHeaderPutsThem) {
    EXPECT_EQ(page.ring_in_page(10).data(), memory.bytes().data() + 1024);
    EXPECT_EQ(page.ring_in_page(10).size(), 1024u);
    EXPECT_EQ(page.ring_in_page(11).data(), memory.bytes().data() + 2048);
    EXPECT_EQ(page.ring_in_page(11).size(), 2048u);
}

TEST_F(VchanPage, LiveBytesFollowALife) {
    ASSERT_EQ(page.initialise({10, 11}, {}), fault::none);
    EXPECT_EQ(page.peer_live(vchan_role::server), vchan_live::not_yet);
    EXPECT_EQ(page.peer_live(vchan_role::client), vchan_live::connected);
    page.connect();
    EXPECT_EQ(page.peer_live(vchan_role::server), vchan_live::connected);
    page.close(vchan_role::client);
    EXPECT_EQ(page.peer_live(vchan_role::server), vchan_live::gone);
    page.close(vchan_role::server);
    EXPECT_EQ(page.peer_live(vchan_role::client), vchan_live::gone);
}

TEST_F(VchanPage, LiveBytesThatMeanNothingAreInvalid) {
    for (int value = 0; value != 256; ++value) {
        memory.bytes()[20] = memory.bytes()[21] = std::byte(value);
        EXPECT_EQ(page.peer_live(vchan_role::server) == vchan_live::invalid, value > 2);
        EXPECT_EQ(page.peer_live(vchan_role::client) == vchan_live::invalid, value > 1);
    }
}

TEST_F(VchanPage, AReconnectShowsEvenIfTheServerSleptThroughIt) {
    ASSERT_EQ(page.initialise({10, 11}, {}), fault::none);
    EXPECT_FALSE(page.mark_client_seen());
    page.connect();
    EXPECT_TRUE(page.mark_client_seen());
    EXPECT_EQ(page.peer_live(vchan_role::server), vchan_live::not_yet);
    page.close(vchan_role::client);
    EXPECT_FALSE(page.mark_client_seen());
    page.connect();
    EXPECT_TRUE(page.mark_client_seen());
}

TEST_F(VchanPage, UnmapNotifyClearsTheOwnLiveByte) {
    EXPECT_EQ(vchan_page::live_offset(vchan_role::server), 21u);
    EXPECT_EQ(vchan_page::live_offset(vchan_role::client), 20u);
}

} // namespace
} // namespace xenring::ring
