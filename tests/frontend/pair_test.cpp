// Our netfront with our netback: what goes in at one end comes out at the other.
#include "pair_fixture.hpp"

#include <xenring/grant/ledger.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <cstring>

namespace xenring::frontend::test {
namespace {

using net::test::blank;
using net::test::tcp_frame;
using net::test::udp_frame;
namespace netif = ring::netif;

TEST_F(pair_test, ConnectSaysWhatTheDeviceIs) {
    connect_pair();
    EXPECT_TRUE(net->is_connected());
    EXPECT_EQ(to_text(net->device().mac), "00:16:3e:00:09:02");
    EXPECT_EQ(net->device().mtu, 1500U);
    EXPECT_TRUE(net->device().scatter_gather);
    EXPECT_TRUE(net->device().takes.tcpv6);
}

TEST_F(pair_test, FramesOfEverySizeGoBothWaysUnchanged) {
    connect_pair();
    for (const std::size_t size : {1, 18, 1000, 1472, 4000, 4054, 4055, 9000, 20'000, 65'000}) {
        const auto frame = udp_frame(size);
        ASSERT_FALSE(send(frame));
        ASSERT_EQ(receive_outside().frame, frame) << size;
        outside().send(frame);
        error_code ec;
        const auto back = receive(ec);
        ASSERT_FALSE(ec) << ec.message();
        ASSERT_EQ(bytes_of(back), frame) << size;
    }
}

TEST_F(pair_test, AFrameTakesALowerLayersHeaderWithoutACopy) {
    connect_pair();
    const auto whole = udp_frame(5000);
    auto frame = net->prepare(whole.size() - 14 + 100);
    ASSERT_TRUE(frame);
    const std::byte* const body = frame.pieces()[0].data();
    frame.fill(std::span{whole}.subspan(14));
    frame.shrink(whole.size() - 14);
    std::memcpy(frame.prepend(14).data(), whole.data(), 14);
    EXPECT_EQ(frame.pieces()[0].data() + 14, body);
    error_code ec;
    net->send(frame, {}, ec);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_FALSE(frame) << "its pages are the backend's now";
    EXPECT_EQ(receive_outside().frame, whole);
}

TEST_F(pair_test, OffloadsPassThrough) {
    connect_pair();
    for (const bool ipv6 : {false, true}) {
        const auto frame = blank(tcp_frame(50'000, ipv6));
        netif::packet_info info{.csum_blank = true, .data_validated = true};
        info.gso = {1448, ipv6 ? netif::gso_type::tcpv6 : netif::gso_type::tcpv4, 0};
        ASSERT_FALSE(send(frame, info));
        const auto out = receive_outside();
        EXPECT_EQ(out.frame, frame);
        EXPECT_EQ(out.header.gso_size, 1448);
        outside().send(out.frame, out.header);
        error_code ec;
        const auto back = receive(ec);
        EXPECT_EQ(bytes_of(back), frame);
        EXPECT_EQ(back.info().gso, info.gso);
        EXPECT_TRUE(back.info().csum_blank);
    }
}

TEST_F(pair_test, WithoutOffloadsWholeFramesComeWithWholeChecksums) {
    auto chosen = front_options();
    chosen.takes = {};
    connect_pair(std::move(chosen));
    EXPECT_EQ(outside().reader, net::offloads{}) << "the backend lets the kernel do it";
    auto frame = blank(udp_frame(700));
    netif::packet_info info{.csum_blank = true};
    outside().send(frame, *net::to_virtio(frame, info));
    error_code ec;
    const auto back = receive(ec);
    EXPECT_FALSE(back.info().csum_blank);
    EXPECT_EQ(bytes_of(back), udp_frame(700));
}

TEST_F(pair_test, WhatTheBackendDidNotOfferIsRefusedHere) {
    backend::netback::options serving_options = usual_options();
    serving_options.features.scatter_gather = false;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect());
    EXPECT_EQ(send(udp_frame(5000)), errc::feature_missing);
    netif::packet_info info;
    info.gso = {1448, netif::gso_type::tcpv4, 0};
    EXPECT_EQ(send(tcp_frame(1000), info), errc::feature_missing);
    EXPECT_FALSE(send(udp_frame(1000)));
}

TEST_F(pair_test, ABlankChecksumIsTakenOfTheOfferedProtocolAlone) {
    backend::netback::options serving_options = usual_options();
    serving_options.features.ipv6_checksum = false;
    serving_options.features.tcpv6_segmentation = false;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect());
    const netif::packet_info info{.csum_blank = true};
    const auto tagged = [](frame_bytes frame) {
        const std::array tag{std::byte{0x81}, std::byte{0}, std::byte{0}, std::byte{7}};
        frame.insert(frame.begin() + 12, tag.begin(), tag.end());
        return frame;
    };
    for (const bool ipv6 : {false, true}) {
        const auto expected = ipv6 ? error_code{errc::feature_missing} : error_code{};
        const auto frame = blank(tcp_frame(1000, ipv6));
        EXPECT_EQ(send(frame, info), expected);
        EXPECT_EQ(send(tagged(frame), info), expected);
        EXPECT_FALSE(send(tcp_frame(1000, ipv6)));
    }
}

/// Sends numbered frames out, has them come back, and checks every byte of each.
class echo {
public:
    echo(netfront& net, wire& outside) : net_{net}, outside_{outside}, sample_{udp_frame(1400)} {}

    /// False if something came back that is not what was sent.
    bool round(std::uint64_t limit) {
        while (sent_ != limit && sent_ - received_ < 96 && send())
            ++sent_;
        for (auto out = outside_.receive(); !out.frame.empty(); out = outside_.receive())
            outside_.send(out.frame);
        error_code ec;
        while (auto frame = net_.receive(ec)) {
            std::vector<std::byte> bytes(frame.size());
            frame.copy_to(bytes);
            if (bytes != expected(received_++))
                return false;
        }
        return !ec;
    }
    std::uint64_t received() const { return received_; }

private:
    bool send() {
        const auto bytes = expected(sent_);
        auto frame = net_.prepare(bytes.size());
        if (!frame)
            return false;
        frame.fill(bytes);
        error_code ec;
        net_.send(frame, {}, ec);
        return !ec;
    }
    std::span<const std::byte> view(std::size_t size) const { return {sample_.data(), size}; }
    frame_bytes expected(std::uint64_t number) const {
        const auto part = view(60 + number * 37 % 1380);
        frame_bytes out(part.begin(), part.end());
        std::memcpy(out.data() + 44, &number, sizeof number);
        return out;
    }

    netfront& net_;
    wire& outside_;
    frame_bytes sample_;
    std::uint64_t sent_ = 0, received_ = 0;
};

TEST_F(pair_test, ManyFramesComeBackInOrderWithTheirContent) {
    constexpr std::uint64_t count = 1'000'000; // there, and back
    connect_pair();
    const auto granted = guests.at(1).hypervisor().accounts().granted();
    echo line{*net, outside()};
    bool good = true;
    while (good && line.received() != count) {
        const auto before = line.received();
        ASSERT_TRUE(eventually([&] {
            for (int i = 0; i != 100 && (good = good && line.round(count)); ++i) {
                io.restart();
                io.poll();
            }
            return !good || line.received() != before;
        })) << line.received();
    }
    EXPECT_EQ(line.received(), count);
    EXPECT_EQ(net->statistics().tx.packets, count);
    EXPECT_EQ(net->statistics().rx.packets, count);
    EXPECT_EQ(net->statistics().tx.rejected + net->statistics().rx.rejected, 0U);
    EXPECT_EQ(guests.at(1).hypervisor().accounts().granted(), granted)
        << "pages are granted at the start and used again";
}

TEST_F(pair_test, ASenderWaitsForRoom) {
    auto chosen = front_options();
    chosen.tx_pages = 4;
    connect_pair(std::move(chosen));
    const auto frame = udp_frame(1000);
    std::size_t sent = 0, arrived = 0;
    std::function<void(error_code)> next = [&](const error_code& ec) {
        ASSERT_FALSE(ec) << ec.message();
        while (sent != 1000) {
            auto made = net->prepare(frame.size());
            if (!made)
                return net->async_wait_room(frame.size(), next);
            made.fill(frame);
            error_code refused;
            net->send(made, {}, refused);
            ASSERT_FALSE(refused);
            ++sent;
        }
    };
    next({});
    EXPECT_LT(sent, 1000U);
    EXPECT_TRUE(eventually([&] {
        while (!outside().receive().frame.empty())
            ++arrived;
        return arrived + counts("vif1.0").tx.refused == 1000; // a full socket refuses frames
    })) << sent
        << ' ' << arrived;
}

TEST_F(pair_test, AsyncSendWaitsForSlots) {
    connect_pair();
    const auto frame = udp_frame(60'000); // 15 slots of 256
    std::size_t done = 0, arrived = 0;
    std::function<void(error_code)> next = [&](const error_code& ec) {
        ASSERT_FALSE(ec) << ec.message();
        if (++done > 300)
            return;
        auto made = net->prepare(frame.size());
        if (!made) {
            --done;
            return net->async_wait_room(frame.size(), next);
        }
        made.fill(frame);
        net->async_send(std::move(made), {}, next);
    };
    next({});
    EXPECT_TRUE(eventually([&] {
        for (auto out = outside().receive(); !out.frame.empty(); out = outside().receive()) {
            EXPECT_EQ(out.frame, frame);
            ++arrived;
        }
        return arrived + counts("vif1.0").tx.refused == 300;
    })) << done
        << ' ' << arrived;
}

TEST_F(pair_test, AReceiverThatKeepsFramesHoldsTheOthersUpAndNoMore) {
    auto chosen = front_options();
    chosen.rx_pages = 8;
    connect_pair(std::move(chosen));
    std::vector<received_frame> kept;
    for (std::size_t i = 0; i != 20; ++i)
        outside().send(udp_frame(100 + i));
    error_code ec;
    for (std::size_t i = 0; i != 8; ++i)
        kept.push_back(receive(ec));
    std::optional<frame_bytes> next;
    net->async_receive([&](const error_code&, received_frame frame) { next = bytes_of(frame); });
    io.restart();
    io.run_for(50ms);
    EXPECT_FALSE(next) << "all pages are kept";
    for (std::size_t i = 0; i != 8; ++i)
        EXPECT_EQ(bytes_of(kept[i]), udp_frame(100 + i));
    kept.clear();
    EXPECT_TRUE(eventually([&] { return next.has_value(); }));
    EXPECT_EQ(next, udp_frame(108));
}

TEST_F(pair_test, AReceiveCanBeCancelledAndLosesNothing) {
    connect_pair();
    boost::asio::cancellation_signal signal;
    std::optional<error_code> done;
    net->async_receive(boost::asio::bind_cancellation_slot(
        signal.slot(), [&](const error_code& ec, received_frame) { done = ec; }));
    io.restart();
    io.poll();
    signal.emit(boost::asio::cancellation_type::total);
    EXPECT_TRUE(eventually([&] { return done.has_value(); }));
    EXPECT_EQ(done, boost::asio::error::operation_aborted);
    outside().send(udp_frame(5));
    error_code ec;
    EXPECT_EQ(bytes_of(receive(ec)), udp_frame(5));
}

TEST_F(pair_test, AfterAnOrderlyCloseNothingIsLeftOver) {
    connect_pair();
    ASSERT_FALSE(send(udp_frame(100)));
    receive_outside();
    EXPECT_FALSE(close());
    EXPECT_TRUE(reaches(1, "6"));
    EXPECT_FALSE(net->is_connected());
    net.reset();
    EXPECT_TRUE(eventually([&] {
        const auto left = machine.statistics().of(domid{1});
        return left.pages_granted + left.pages_deferred + left.ports + left.watches == 0;
    })) << to_string(machine.statistics());
    EXPECT_EQ(machine.statistics().of(domid{0}).pages_mapped, 0U);
}

TEST_F(pair_test, AFrameOutlivesItsNetfront) {
    connect_pair();
    outside().send(udp_frame(3000));
    error_code ec;
    auto frame = receive(ec);
    auto made = net->prepare(100);
    EXPECT_FALSE(close());
    net.reset();
    EXPECT_EQ(bytes_of(frame), udp_frame(3000));
    frame = {};
    made = {};
    EXPECT_TRUE(eventually([&] { return machine.statistics().of(domid{1}).pages_granted == 0; }));
}

} // namespace
} // namespace xenring::frontend::test
