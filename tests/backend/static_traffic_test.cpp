// Frames in pages that are mapped as static grants, and in others, beside each other.
#include "../net/frames.hpp"
#include "control_end.hpp"

#include <algorithm>

namespace xenring::backend::test {
namespace {

using net::test::frame_bytes;
using net::test::udp_frame;

class static_traffic_test : public control_fixture {
protected:
    static_traffic_test() {
        start();
        guest = &connected_with_control(1);
    }

    std::uint32_t reference(const granted_pages& pages, std::size_t index = 0) const {
        return pages.references()[index].value;
    }
    /// Puts bytes into the first page.
    static void fill(const granted_pages& pages, std::span<const std::byte> bytes,
                     std::size_t at = 0) {
        std::copy(bytes.begin(), bytes.end(), pages.bytes().begin() + static_cast<long>(at));
    }
    frame_bytes receive_outside() {
        frame_bytes out;
        EXPECT_TRUE(eventually([&] {
            out = wires.at("vif1.0")->receive().frame;
            return !out.empty();
        })) << log;
        return out;
    }
    /// The response to the oldest buffer.
    netif::rx_response next_response() {
        std::optional<netif::rx_response> out;
        EXPECT_TRUE(eventually([&] { return (out = guest->rx.pop()).has_value(); })) << log;
        return out.value_or(netif::rx_response{});
    }
    flow_statistics tx() const { return counts("vif1.0").tx; }
    flow_statistics rx() const { return counts("vif1.0").rx; }

    guest_end* guest = nullptr;
};

TEST_F(static_traffic_test, AFrameInAMappedPageCostsNoGrantCopy) {
    const auto& page = control->share(1, access::read_only);
    ASSERT_EQ(add(entries_of(page, netif::gref_readonly)), control_status::success);
    for (std::size_t i = 0; i != 100; ++i) {
        const auto frame = udp_frame(i * 13);
        fill(page, frame, 100 + i);
        ASSERT_TRUE(guest->tx.push({reference(page), static_cast<std::uint16_t>(100 + i), 0, 1,
                                    static_cast<std::uint16_t>(frame.size())}));
        guest->kick();
        ASSERT_EQ(receive_outside(), frame);
    }
    EXPECT_EQ(tx().static_segments, 100U);
    EXPECT_EQ(tx().copies, 0U);
    EXPECT_EQ(tx().segments, 0U);
}

TEST_F(static_traffic_test, APacketMayBeInPagesOfBothKinds) {
    const auto& mapped_page = control->share(1, access::read_only);
    const auto& other_page = control->share(1, access::read_only);
    ASSERT_EQ(add(entries_of(mapped_page, netif::gref_readonly)), control_status::success);
    const auto frame = udp_frame(3000);
    const std::span whole{frame};
    constexpr auto more = netif::tx_flag::more_data;
    fill(mapped_page, whole.first(1000));
    fill(other_page, whole.subspan(1000, 1000), 50);
    fill(mapped_page, whole.subspan(2000), 2000);
    const auto rest = static_cast<std::uint16_t>(frame.size() - 2000);
    ASSERT_TRUE(guest->tx.push(
        {reference(mapped_page), 0, more, 1, static_cast<std::uint16_t>(frame.size())}));
    ASSERT_TRUE(guest->tx.push({reference(other_page), 50, more, 2, 1000}));
    ASSERT_TRUE(guest->tx.push({reference(mapped_page), 2000, 0, 3, rest}));
    guest->kick();
    EXPECT_EQ(receive_outside(), frame);
    EXPECT_EQ(tx().static_segments, 2U);
    EXPECT_EQ(tx().segments, 1U);
}

TEST_F(static_traffic_test, APacketWithABadGrantIsLostAlone) {
    const auto& page = control->share(1, access::read_only);
    ASSERT_EQ(add(entries_of(page, netif::gref_readonly)), control_status::success);
    const auto frame = udp_frame(100);
    const auto size = static_cast<std::uint16_t>(frame.size());
    fill(page, frame);
    ASSERT_TRUE(guest->tx.push({reference(page), 0, netif::tx_flag::more_data, 1, 500}));
    ASSERT_TRUE(guest->tx.push({30'000, 0, 0, 2, 400}));
    ASSERT_TRUE(guest->tx.push({reference(page), 0, 0, 3, size}));
    guest->kick();
    EXPECT_EQ(receive_outside(), frame);
    EXPECT_EQ(tx().uncopied, 1U);
    const auto responses = guest->responses();
    ASSERT_EQ(responses.size(), 3U);
    EXPECT_EQ(responses[0].status, netif::response_status::error);
    EXPECT_EQ(responses[2].status, netif::response_status::okay);
}

TEST_F(static_traffic_test, ABufferInAMappedPageCostsNoGrantCopy) {
    const auto& pages = control->share(3, access::read_write);
    ASSERT_EQ(add(entries_of(pages)), control_status::success);
    for (std::size_t i = 0; i != 100; ++i) {
        const auto index = i % 3;
        ASSERT_TRUE(
            guest->rx.push({static_cast<std::uint16_t>(i), 0, pages.references()[index].value}));
        guest->kick();
        const auto frame = udp_frame(i * 17);
        wires.at("vif1.0")->send(frame);
        const auto response = next_response();
        ASSERT_EQ(response.status, static_cast<int>(frame.size()));
        const auto page = pages.bytes().subspan(index * page_size + response.offset);
        ASSERT_TRUE(std::equal(frame.begin(), frame.end(), page.begin()));
    }
    EXPECT_EQ(rx().static_segments, 100U);
    EXPECT_EQ(rx().copies, 0U);
}

TEST_F(static_traffic_test, AFrameMayGoToBuffersOfBothKinds) {
    const auto& pages = control->share(3, access::read_write);
    const auto list = entries_of(pages);
    ASSERT_EQ(add({list[0], list[2]}), control_status::success);
    for (std::uint16_t i = 0; i != 3; ++i)
        ASSERT_TRUE(guest->rx.push({i, 0, pages.references()[i].value}));
    guest->kick();
    const auto frame = udp_frame(9000);
    wires.at("vif1.0")->send(frame);
    for (std::uint16_t i = 0; i != 3; ++i)
        EXPECT_GT(next_response().status, 0);
    EXPECT_TRUE(std::equal(frame.begin(), frame.end(), pages.bytes().begin()));
    EXPECT_EQ(rx().static_segments, 2U);
    EXPECT_EQ(rx().segments, 1U);
}

TEST_F(static_traffic_test, ABadBufferAmongMappedOnesIsTheOneThatIsMarked) {
    const auto& pages = control->share(2, access::read_write);
    ASSERT_EQ(add(entries_of(pages)), control_status::success);
    ASSERT_TRUE(guest->rx.push({0, 0, reference(pages, 0)}));
    ASSERT_TRUE(guest->rx.push({1, 0, 30'000}));
    ASSERT_TRUE(guest->rx.push({2, 0, reference(pages, 1)}));
    guest->kick();
    wires.at("vif1.0")->send(udp_frame(9000));
    EXPECT_EQ(next_response().status, 4096);
    EXPECT_EQ(next_response().status, netif::response_status::error);
    EXPECT_GT(next_response().status, 0);
    EXPECT_EQ(rx().uncopied, 1U);
}

TEST_F(static_traffic_test, APageThatIsMappedReadOnlyIsNoBuffer) {
    const auto& page = control->share(1, access::read_write);
    ASSERT_EQ(add(entries_of(page, netif::gref_readonly)), control_status::success);
    ASSERT_TRUE(guest->rx.push({0, 0, reference(page)}));
    guest->kick();
    const auto frame = udp_frame(200);
    wires.at("vif1.0")->send(frame);
    EXPECT_EQ(next_response().status, static_cast<int>(frame.size()));
    EXPECT_EQ(rx().static_segments, 0U);
    EXPECT_EQ(rx().segments, 1U) << "a grant copy does what a store may not";
}

TEST_F(static_traffic_test, ADeletedPageIsAGrantLikeOthers) {
    const auto& page = control->share(1, access::read_only);
    ASSERT_EQ(add(entries_of(page, netif::gref_readonly)), control_status::success);
    ASSERT_EQ(remove(entries_of(page)).data, 1U);
    const auto frame = udp_frame(300);
    fill(page, frame);
    ASSERT_TRUE(
        guest->tx.push({reference(page), 0, 0, 1, static_cast<std::uint16_t>(frame.size())}));
    guest->kick();
    EXPECT_EQ(receive_outside(), frame);
    EXPECT_EQ(tx().segments, 1U);
    EXPECT_EQ(tx().static_segments, 0U);
}

} // namespace
} // namespace xenring::backend::test
