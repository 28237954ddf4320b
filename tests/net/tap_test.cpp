// A real TAP, in a network namespace of this process.
#include "frames.hpp"
#include "own_network.hpp"

#include <xenring/net/frame_burst.hpp>
#include <xenring/net/tap.hpp>

#include <gtest/gtest.h>

#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <arpa/inet.h>
#include <fstream>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <utility>

namespace xenring::net::test {
namespace {

class tap_test : public testing::Test {
protected:
    void SetUp() override {
        if (const auto lack = what_is_missing(); !lack.empty())
            GTEST_SKIP() << lack;
        open(tap_options{.name = "vif1.0", .mark = "mine", .bridge = {}});
    }
    void open(const tap_options& options) {
        close_all();
        port.reset();
        port = open_tap(options, ec);
        ASSERT_TRUE(port) << ec.message();
        port->set_carrier(true);
        queue = port->open_queue(0, ec);
        ASSERT_GE(queue, 0) << ec.message();
        kernel = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
        ASSERT_GE(kernel, 0);
        ifreq request{};
        std::string{"vif1.0"}.copy(request.ifr_name, sizeof request.ifr_name - 1);
        request.ifr_flags = IFF_UP;
        ASSERT_EQ(ioctl(kernel, SIOCSIFFLAGS, &request), 0);
        ASSERT_EQ(ioctl(kernel, SIOCGIFTXQLEN, &request), 0);
        length = static_cast<std::size_t>(request.ifr_qlen);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(if_nametoindex("vif1.0"));
        ASSERT_EQ(bind(kernel, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ~tap_test() override { close_all(); }
    void close_all() {
        for (int* const each : {&queue, &kernel})
            if (const int open = std::exchange(*each, -1); open >= 0)
                close(open);
    }
    std::vector<std::size_t> sizes_read() {
        std::vector<std::size_t> out;
        virtio_header header;
        std::vector<std::byte> room(max_frame_size);
        while (const auto size = read_frame(queue, header, room, ec))
            out.push_back(size);
        return out;
    }
    bool kernel_sends(const frame_bytes& frame) const {
        return send(kernel, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
    }

    error_code ec;
    std::unique_ptr<frame_port> port;
    int queue = -1, kernel = -1;
    std::size_t length = 0;
};

TEST_F(tap_test, HoldsNoMoreFramesThanItsQueueIsLong) {
    const auto frame = udp_frame(1400);
    for (std::size_t i = 0; i != 5 * length; ++i)
        (void)kernel_sends(frame);
    std::size_t waiting = 0;
    virtio_header header;
    std::vector<std::byte> room(max_frame_size);
    while (const auto size = read_frame(queue, header, room, ec))
        waiting += std::equal(frame.begin(), frame.end(), room.begin(),
                              room.begin() + static_cast<long>(size));
    EXPECT_GE(waiting, length / 2);
    EXPECT_LE(waiting, 2 * length + 16)
        << "the TAP's own, and as much in the kernel's queue before it";
}

TEST_F(tap_test, GivesAndTakesManyFramesInOneCall) {
    frame_burst burst;
    const auto frame = udp_frame(900);
    for (int i = 0; i != 5; ++i)
        ASSERT_TRUE(kernel_sends(frame));
    std::vector<std::byte> memory(frame_burst::most * 2000);
    std::vector<moving_frame> frames(frame_burst::most);
    for (std::size_t i = 0; i != frames.size(); ++i)
        frames[i].bytes = std::span{memory}.subspan(i * 2000, 2000);
    const auto count = burst.read(queue, frames, ec);
    EXPECT_FALSE(ec) << ec.message();
    const auto arrived = std::span{frames}.first(count);
    EXPECT_GE(std::ranges::count_if(
                  arrived, [&](const auto& each) { return std::ranges::equal(each.bytes, frame); }),
              5)
        << "beside what the kernel says by itself";
    burst.write(queue, arrived);
    for (const auto& each : arrived)
        EXPECT_FALSE(each.error) << each.error.message();
    EXPECT_EQ(burst.read(queue, frames, ec), 0);
    EXPECT_FALSE(ec) << ec.message();
}

TEST_F(tap_test, WhatItsQueueDropsIsCounted) {
    close_all();
    port.reset();
    open({.name = "vif1.0", .mark = "mine", .queue_length = 20, .bridge = {}});
    EXPECT_EQ(length, 20U);
    const auto before = port->dropped();
    std::size_t sent = 0;
    for (int i = 0; i != 500; ++i)
        sent += kernel_sends(udp_frame(100));
    const auto read = sizes_read().size();
    EXPECT_LE(read, 2 * 20U + 16);
    EXPECT_GE(port->dropped() - before, sent - read - 20) << "the kernel's queue drops, too";
    EXPECT_GT(port->dropped(), before);
}

TEST_F(tap_test, ItsMtuCanBeChanged) {
    set_mtu("vif1.0", 9000, ec);
    EXPECT_FALSE(ec) << ec.message();
    ifreq request{};
    std::string{"vif1.0"}.copy(request.ifr_name, sizeof request.ifr_name - 1);
    ASSERT_EQ(ioctl(kernel, SIOCGIFMTU, &request), 0);
    EXPECT_EQ(request.ifr_mtu, 9000);
    EXPECT_EQ(mtu_of("vif1.0"), 9000U);
    EXPECT_EQ(port->mtu(), 9000U);
    EXPECT_FALSE(mtu_of("vif7.7"));
    set_mtu("vif1.0", 100'000, ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
    set_mtu("vif7.7", 1500, ec);
    EXPECT_EQ(ec, errno_code(ENODEV));
}

TEST_F(tap_test, ItsMarkOutlivesItsName) {
    close(std::exchange(kernel, -1)); // it brought the TAP up
    ifreq down{};
    std::string{"vif1.0"}.copy(down.ifr_name, sizeof down.ifr_name - 1);
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(ioctl(any, SIOCSIFFLAGS, &down), 0);
    close(any);
    ASSERT_TRUE(rename_interface("vif1.0", "web-server"));
    EXPECT_EQ(port->name(), "web-server");
    const auto all = list_taps("mine");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].name, "web-server");
    EXPECT_EQ(all[0].mark, "mine");
    EXPECT_TRUE(list_taps("yours").empty());
}

} // namespace
} // namespace xenring::net::test
