// Hashes against the published vectors and against the code in Xen's header, and what is hashed.
#include <xenring/ring/netif_hash.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#define XEN_NETIF_DEFINE_TOEPLITZ
extern "C" {
#include <xen/io/netif.h>
}

namespace xenring::ring::netif {
namespace {

static_assert(hash_algorithm::none == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE);
static_assert(hash_algorithm::toeplitz == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ);
static_assert(hash_type::ipv4 == XEN_NETIF_CTRL_HASH_TYPE_IPV4);
static_assert(hash_type::ipv4_tcp == XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP);
static_assert(hash_type::ipv6 == XEN_NETIF_CTRL_HASH_TYPE_IPV6);
static_assert(hash_type::ipv6_tcp == XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP);

constexpr std::array<std::uint8_t, 40> rss_key{
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

using bytes = std::vector<std::byte>;

void put(bytes& to, std::initializer_list<unsigned> values) {
    for (const unsigned value : values)
        to.push_back(static_cast<std::byte>(value));
}

void put_address(bytes& to, const std::string& text) {
    std::array<std::byte, 16> address{};
    const bool v6 = text.find(':') != std::string::npos;
    ASSERT_EQ(inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), address.data()), 1) << text;
    to.insert(to.end(), address.begin(), address.begin() + (v6 ? 16 : 4));
}

/// A frame as a guest would see it; `vlan` adds a tag, `options` bytes of IPv4 options.
struct frame_of {
    std::string from, to;
    unsigned from_port = 0, to_port = 0;
    unsigned protocol = 6, fragment = 0, options = 0;
    bool vlan = false;

    [[nodiscard]] bytes build() const {
        bytes frame(12);
        if (vlan)
            put(frame, {0x81, 0x00, 0x00, 0x07});
        const bool v6 = from.find(':') != std::string::npos;
        if (v6)
            put(frame, {0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, protocol, 64});
        else
            put(frame, {0x08, 0x00, 0x45 + options / 4, 0, 0, 40, 0, 0, fragment >> 8,
                        fragment & 255, 64, protocol, 0, 0});
        put_address(frame, from);
        put_address(frame, to);
        frame.resize(frame.size() + options, std::byte{1});
        put(frame, {from_port >> 8, from_port & 255, to_port >> 8, to_port & 255});
        frame.resize(frame.size() + 16);
        return frame;
    }
};

struct vector_of {
    frame_of frame;
    std::uint32_t plain, tcp;
};
void PrintTo(const vector_of& v, std::ostream* to) {
    *to << v.frame.from << " to " << v.frame.to;
}

class RssVectors : public testing::TestWithParam<vector_of> {};

TEST_P(RssVectors, HashAsPublished) {
    const toeplitz_table table{rss_key};
    const auto frame = GetParam().frame.build();
    const bool v6 = GetParam().frame.from.find(':') != std::string::npos;
    EXPECT_EQ(hash_frame(frame, hash_type::ipv4 | hash_type::ipv6, table),
              (packet_hash{static_cast<std::uint8_t>(v6 ? 2 : 0), 1, GetParam().plain}));
    EXPECT_EQ(hash_frame(frame, hash_type::all, table),
              (packet_hash{static_cast<std::uint8_t>(v6 ? 3 : 1), 1, GetParam().tcp}))
        << "the type that takes the most is chosen";
}

INSTANTIATE_TEST_SUITE_P(
    NetifHash, RssVectors,
    testing::Values(
        vector_of{{"66.9.149.187", "161.142.100.80", 2794, 1766}, 0x323e8fc2, 0x51ccc178},
        vector_of{{"199.92.111.2", "65.69.140.83", 14230, 4739}, 0xd718262a, 0xc626b0ea},
        vector_of{{"24.19.198.95", "12.22.207.184", 12898, 38024}, 0xd2d0a5de, 0x5c2b394a},
        vector_of{{"38.27.205.30", "209.142.163.6", 48228, 2217}, 0x82989176, 0xafc7327f},
        vector_of{{"153.39.163.191", "202.188.127.2", 44251, 1303}, 0x5d1809c5, 0x10e828a2},
        vector_of{
            {"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766}, 0x2cc18cd5, 0x40207d3d},
        vector_of{
            {"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739}, 0x0f0c461c, 0xdde51bbf},
        vector_of{{"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024},
                  0x4b61e985,
                  0x02d1feef}));

TEST(NetifHash, TheCodeInXensHeaderAgreesForEveryLengthOfKeyAndInput) {
    std::mt19937 random(7);
    for (std::size_t key_size = 0; key_size <= 48; ++key_size)
        for (std::size_t size = 0; size <= max_hash_input; ++size) {
            std::vector<std::uint8_t> key(key_size), input(size);
            for (auto& byte : key)
                byte = static_cast<std::uint8_t>(random());
            for (auto& byte : input)
                byte = static_cast<std::uint8_t>(random());
            const auto theirs = xen_netif_toeplitz_hash(key.data(), static_cast<unsigned>(key_size),
                                                        input.data(), static_cast<unsigned>(size));
            ASSERT_EQ(toeplitz(key, input), theirs) << key_size << ' ' << size;
            ASSERT_EQ(toeplitz_table(key)(input), theirs) << key_size << ' ' << size;
        }
}

TEST(NetifHash, WithoutAKeyEveryHashIsZero) {
    const std::array<std::uint8_t, 12> input{1, 2, 3};
    EXPECT_EQ(toeplitz({}, input), 0u);
    EXPECT_EQ(toeplitz_table{}(input), 0u);
}

const frame_of tcp4{"66.9.149.187", "161.142.100.80", 2794, 1766};
const frame_of tcp6{"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766};

std::optional<unsigned> type_of(const bytes& frame, std::uint32_t types = hash_type::all) {
    const auto input = select_input(frame, types);
    return input ? std::optional<unsigned>(1u << input->type) : std::nullopt;
}

TEST(NetifHash, OnlyTypesThatWereAskedForAreUsed) {
    EXPECT_EQ(type_of(tcp4.build(), hash_type::ipv4), hash_type::ipv4);
    EXPECT_EQ(type_of(tcp4.build(), hash_type::ipv4_tcp), hash_type::ipv4_tcp);
    EXPECT_EQ(type_of(tcp4.build(), hash_type::ipv6 | hash_type::ipv6_tcp), std::nullopt);
    EXPECT_EQ(type_of(tcp6.build(), hash_type::ipv6), hash_type::ipv6);
    EXPECT_EQ(type_of(tcp6.build(), 0), std::nullopt);
}

TEST(NetifHash, UdpAndFragmentsAreHashedByAddress) {
    auto frame = tcp4;
    frame.protocol = 17;
    EXPECT_EQ(type_of(frame.build()), hash_type::ipv4);
    EXPECT_EQ(type_of(frame.build(), hash_type::ipv4_tcp), std::nullopt);
    frame = tcp4;
    frame.fragment = 0x2000; // the first one, with the ports
    EXPECT_EQ(type_of(frame.build()), hash_type::ipv4);
    frame.fragment = 0x0001;
    EXPECT_EQ(type_of(frame.build()), hash_type::ipv4);
    frame.fragment = 0x4000; // "do not fragment" is no fragment
    EXPECT_EQ(type_of(frame.build()), hash_type::ipv4_tcp);
    auto six = tcp6;
    six.protocol = 44;
    EXPECT_EQ(type_of(six.build()), hash_type::ipv6);
}

TEST(NetifHash, OptionsAndAVlanTagDoNotChangeTheHash) {
    const toeplitz_table table{rss_key};
    for (frame_of frame : {tcp4, tcp6}) {
        const auto plain = hash_frame(frame.build(), hash_type::all, table);
        frame.vlan = true;
        frame.options = frame.from == tcp4.from ? 40 : 0;
        EXPECT_EQ(hash_frame(frame.build(), hash_type::all, table), plain);
    }
}

TEST(NetifHash, NoByteBeyondTheFrameIsRead) {
    for (frame_of frame : {tcp4, tcp6})
        for (const bool vlan : {false, true}) {
            frame.vlan = vlan;
            const auto whole = frame.build();
            const std::size_t ip = vlan ? 18 : 14;
            const std::size_t addresses = frame.from == tcp4.from ? ip + 20 : ip + 40;
            for (std::size_t size = 0; size <= whole.size(); ++size) {
                const bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
                const auto input = select_input(cut, hash_type::all);
                ASSERT_EQ(input.has_value(), size >= addresses) << size;
                if (input) {
                    ASSERT_EQ(input->type % 2 == 1, size >= addresses + 4) << "ports";
                }
            }
        }
}

TEST(NetifHash, GarbageIsHashedOrNotButNeverReadTooFar) {
    std::mt19937 random(11);
    const toeplitz_table table{rss_key};
    for (int round = 0; round != 200000; ++round) {
        bytes frame(random() % 80);
        for (auto& byte : frame)
            byte = static_cast<std::byte>(random());
        if (frame.size() > 14) {
            frame[12] = std::byte{0x08};
            frame[13] = std::byte{0};
        }
        const auto hash = hash_frame(frame, hash_type::all, table);
        ASSERT_TRUE(!hash || hash->type < 4);
    }
}

} // namespace
} // namespace xenring::ring::netif
