// Many frames in one call do what as many calls for one frame do.
#include "frames.hpp"

#include <xenring/net/frame_burst.hpp>
#include <xenring/net/frame_port.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace xenring::net::test {
namespace {

/// A packet socket pair, which moves a header and a frame with each call as a TAP does.
class frame_burst_test : public testing::TestWithParam<frame_burst::calls> {
protected:
    frame_burst_test() : rooms(frame_burst::most, std::vector<std::byte>(2000)) {
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    }
    ~frame_burst_test() override {
        close(ends[0]);
        close(ends[1]);
    }

    std::vector<moving_frame> leaving(std::size_t count) {
        std::vector<moving_frame> out;
        for (std::size_t i = 0; i != count; ++i) {
            sent.push_back(udp_frame(100 + i));
            out.push_back({.header = {.header_size = static_cast<std::uint16_t>(i)},
                           .bytes = sent.back(),
                           .error = {}});
        }
        return out;
    }
    std::vector<moving_frame> read(std::size_t most) {
        std::vector<moving_frame> out(most);
        for (std::size_t i = 0; i != most; ++i)
            out[i].bytes = rooms[i];
        out.resize(burst.read(ends[1], out, ec));
        return out;
    }
    /// Whether they are what leaving() made, from its `first` on.
    void expect_sent(const std::vector<moving_frame>& got, std::size_t first = 0) const {
        for (std::size_t i = 0; i != got.size(); ++i) {
            EXPECT_EQ(got[i].header.header_size, first + i);
            ASSERT_EQ(got[i].bytes.size(), sent[first + i].size());
            EXPECT_EQ(std::memcmp(got[i].bytes.data(), sent[first + i].data(), got[i].bytes.size()),
                      0);
        }
    }

    error_code ec;
    int ends[2] = {-1, -1};
    frame_burst burst{GetParam()};
    std::vector<frame_bytes> sent;
    std::vector<std::vector<std::byte>> rooms;
};

TEST_P(frame_burst_test, WhatIsWrittenArrivesInOrder) {
    auto frames = leaving(10);
    burst.write(ends[0], frames);
    for (const auto& each : frames)
        EXPECT_FALSE(each.error) << each.error.message();
    const auto got = read(10);
    EXPECT_EQ(got.size(), 10);
    expect_sent(got);
}

TEST_P(frame_burst_test, ReadsWhatIsThereAndWaitsForNoMore) {
    EXPECT_TRUE(read(5).empty());
    EXPECT_FALSE(ec) << ec.message();
    auto frames = leaving(3);
    burst.write(ends[0], frames);
    const auto got = read(8);
    EXPECT_EQ(got.size(), 3);
    EXPECT_FALSE(ec) << ec.message();
    expect_sent(got);
}

TEST_P(frame_burst_test, TakesNoFrameThatComesAfterTheCall) {
    ASSERT_TRUE(read(8).empty());
    auto frames = leaving(1);
    burst.write(ends[0], frames);
    virtio_header header;
    EXPECT_EQ(read_frame(ends[1], header, rooms[0], ec), frames[0].bytes.size());
}

TEST_P(frame_burst_test, WritesMoreThanFitsIntoOneCall) {
    auto frames = leaving(frame_burst::most + 7);
    burst.write(ends[0], frames);
    std::size_t count = 0;
    for (auto got = read(frame_burst::most); !got.empty(); got = read(frame_burst::most)) {
        expect_sent(got, count);
        count += got.size();
    }
    EXPECT_EQ(count, frame_burst::most + 7);
}

TEST_P(frame_burst_test, SaysWhichFramesADescriptorDidNotTake) {
    auto frames = leaving(frame_burst::most);
    std::size_t taken = 0;
    for (bool full = false; !full;) {
        burst.write(ends[0], frames);
        for (const auto& each : frames) {
            taken += !each.error;
            full = full || each.error;
            if (each.error) {
                EXPECT_EQ(each.error, errno_code(EAGAIN));
            }
        }
    }
    std::size_t arrived = 0;
    for (auto got = read(frame_burst::most); !got.empty(); got = read(frame_burst::most))
        arrived += got.size();
    EXPECT_EQ(arrived, taken);
}

TEST_P(frame_burst_test, SaysThatADescriptorBroke) {
    const int closed = dup(ends[0]);
    close(closed);
    auto frames = leaving(2);
    burst.write(closed, frames);
    for (const auto& each : frames)
        EXPECT_EQ(each.error, errno_code(EBADF));
    std::vector<moving_frame> out{{.header = {}, .bytes = rooms[0], .error = {}},
                                  {.header = {}, .bytes = rooms[1], .error = {}}};
    EXPECT_EQ(burst.read(closed, out, ec), 0);
    EXPECT_EQ(ec, errno_code(EBADF));
}

INSTANTIATE_TEST_SUITE_P(, frame_burst_test,
                         testing::Values(frame_burst::calls::as_few_as_possible,
                                         frame_burst::calls::one_for_each_frame),
                         [](const auto& each) {
                             return std::string{each.param == frame_burst::calls::as_few_as_possible
                                                    ? "Together"
                                                    : "OneByOne"};
                         });

} // namespace
} // namespace xenring::net::test
