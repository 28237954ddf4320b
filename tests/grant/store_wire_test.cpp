#include <xenring/grant/store_wire.hpp>

#include <gtest/gtest.h>

#include <xen/io/xs_wire.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <random>

namespace xenring::store_wire {
namespace {

static_assert(header_size == sizeof(xsd_sockmsg));
static_assert(offsetof(xsd_sockmsg, type) == 0 && offsetof(xsd_sockmsg, req_id) == 4);
static_assert(offsetof(xsd_sockmsg, tx_id) == 8 && offsetof(xsd_sockmsg, len) == 12);
static_assert(payload_max == XENSTORE_PAYLOAD_MAX);
static_assert(absolute_path_max == XENSTORE_ABS_PATH_MAX);
static_assert(relative_path_max == XENSTORE_REL_PATH_MAX);
static_assert(static_cast<int>(message_type::control) == XS_CONTROL);
static_assert(static_cast<int>(message_type::get_permissions) == XS_GET_PERMS);
static_assert(static_cast<int>(message_type::transaction_end) == XS_TRANSACTION_END);
static_assert(static_cast<int>(message_type::remove) == XS_RM);
static_assert(static_cast<int>(message_type::watch_event) == XS_WATCH_EVENT);
static_assert(static_cast<int>(message_type::error) == XS_ERROR);
static_assert(static_cast<int>(message_type::set_target) == XS_SET_TARGET);
static_assert(static_cast<int>(message_type::reset_watches) == XS_RESET_WATCHES);
static_assert(static_cast<int>(message_type::directory_part) == XS_DIRECTORY_PART);

std::vector<std::byte> bytes_of(const message& what) {
    std::vector<std::byte> bytes;
    encode(what, bytes);
    return bytes;
}

TEST(StoreWire, EncodesAsXensHeaderSays) {
    const auto bytes = bytes_of({message_type::write, 7, 9, std::string{"a\0b", 3}});
    ASSERT_EQ(bytes.size(), sizeof(xsd_sockmsg) + 3);
    xsd_sockmsg header;
    std::memcpy(&header, bytes.data(), sizeof header);
    EXPECT_EQ(header.type, XS_WRITE);
    EXPECT_EQ(header.req_id, 7u);
    EXPECT_EQ(header.tx_id, 9u);
    EXPECT_EQ(header.len, 3u);
    EXPECT_EQ(std::memcmp(bytes.data() + sizeof header, "a\0b", 3), 0);
}

TEST(StoreWire, DecodesAStreamThatComesByteByByte) {
    auto bytes = bytes_of({message_type::read, 1, 0, "one"});
    encode({message_type::error, 2, 5, ""}, bytes);
    decoder stream;
    std::vector<message> got;
    error_code ec;
    for (const std::byte each : bytes) {
        stream.feed({&each, 1});
        while (auto next = stream.next(ec))
            got.push_back(*next);
        ASSERT_FALSE(ec);
    }
    ASSERT_EQ(got.size(), 2u);
    EXPECT_EQ(got[0].payload, "one");
    EXPECT_EQ(got[1].type, message_type::error);
    EXPECT_EQ(got[1].transaction, 5u);
}

TEST(StoreWire, TakesTheLongestPayload) {
    decoder stream;
    stream.feed(bytes_of({message_type::read, 1, 0, std::string(payload_max, 'x')}));
    error_code ec;
    const auto got = stream.next(ec);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->payload.size(), payload_max);
}

TEST(StoreWire, ALengthOverTheLimitBreaksTheStreamForGood) {
    decoder stream;
    xsd_sockmsg header{XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};
    stream.feed(std::as_bytes(std::span{&header, 1}));
    error_code ec;
    EXPECT_FALSE(stream.next(ec));
    EXPECT_EQ(ec, errc::store_protocol);
    stream.feed(bytes_of({message_type::read, 1, 0, "fine"}));
    EXPECT_FALSE(stream.next(ec));
    EXPECT_EQ(ec, errc::store_protocol);
}

TEST(StoreWire, RandomBytesNeverYieldMoreThanWasFed) {
    std::mt19937 random{20240117};
    for (int round = 0; round < 2000; ++round) {
        decoder stream;
        std::size_t fed = 0;
        std::size_t taken = 0;
        error_code ec;
        for (int piece = 0; piece < 8 && !ec; ++piece) {
            std::vector<std::byte> bytes(random() % 64);
            for (auto& each : bytes) // mostly zeros, so that some headers are valid
                each = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
            stream.feed(bytes);
            fed += bytes.size();
            while (auto next = stream.next(ec)) {
                taken += header_size + next->payload.size();
                parse_watch_event(next->payload);
                parse_directory_part(next->payload);
                parse_permissions(next->payload);
                parse_error(next->payload);
            }
        }
        EXPECT_LE(taken, fed);
    }
}

TEST(StoreWire, SplitsWhatJoinJoins) {
    EXPECT_EQ(split(join({"a", "", "bc"})), (std::vector<std::string>{"a", "", "bc"}));
    EXPECT_EQ(split("a"), std::vector<std::string>{"a"});
    EXPECT_TRUE(split("").empty());
}

TEST(StoreWire, ParsesWatchEventsOnlyWithPathAndToken) {
    const auto event = parse_watch_event(join({"/a", "token"}));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->path, "/a");
    EXPECT_EQ(event->token, "token");
    EXPECT_FALSE(parse_watch_event("/a"));
    EXPECT_FALSE(parse_watch_event(""));
}

TEST(StoreWire, ParsesPartsOfADirectory) {
    const auto middle = parse_directory_part(join({"17", "a", "bc"}));
    ASSERT_TRUE(middle);
    EXPECT_EQ(middle->generation, "17");
    EXPECT_EQ(middle->names, (std::vector<std::string>{"a", "bc"}));
    EXPECT_EQ(middle->length, 5u);
    EXPECT_FALSE(middle->last);
    const auto last = parse_directory_part(join({"17", "d", ""}));
    ASSERT_TRUE(last);
    EXPECT_TRUE(last->last);
    EXPECT_TRUE(parse_directory_part(join({"17", ""}))->last);
}

TEST(StoreWire, RefusesPartsThatWouldNeverEnd) {
    EXPECT_FALSE(parse_directory_part(join({"17"})));
    EXPECT_FALSE(parse_directory_part(join({"", "a"})));
    EXPECT_FALSE(parse_directory_part("17"));
    EXPECT_FALSE(parse_directory_part(join({"17"}) + "cut"));
    EXPECT_FALSE(parse_directory_part(""));
}

TEST(StoreWire, PermissionsHaveALetterAndADomain) {
    const auto parsed = parse_permissions(join({"n0", "r5", "w7", "b65535"}));
    ASSERT_TRUE(parsed);
    const store_permissions expected{{domid{0}, store_access::none},
                                     {domid{5}, store_access::read},
                                     {domid{7}, store_access::write},
                                     {domid{65535}, store_access::both}};
    EXPECT_EQ(*parsed, expected);
    EXPECT_EQ(to_string(expected[1]), "r5");
    for (const char* bad : {"", "r", "x1", "r-1", "r65536", "r1x", "1", "R1"})
        EXPECT_FALSE(parse_store_permission(bad)) << bad;
    EXPECT_FALSE(parse_permissions(""));
}

TEST(StoreWire, KnowsWhichPathsTheStoreTakes) {
    for (const char* good : {"/", "/a", "/local/domain/0", "data/x_y-z@1", "a"})
        EXPECT_TRUE(valid_path(good)) << good;
    for (const char* bad : {"", "//", "/a/", "a/", "/a//b", "/a b", "/a\n", "@releaseDomain"})
        EXPECT_FALSE(valid_path(bad)) << bad;
    EXPECT_FALSE(valid_path(std::string_view{"/a\0b", 4}));
    EXPECT_TRUE(valid_watch_path("@releaseDomain"));
    EXPECT_TRUE(valid_path("/" + std::string(absolute_path_max - 1, 'a')));
    EXPECT_FALSE(valid_path("/" + std::string(absolute_path_max, 'a')));
    EXPECT_TRUE(valid_path(std::string(relative_path_max, 'a')));
    EXPECT_FALSE(valid_path(std::string(relative_path_max + 1, 'a')));
}

TEST(StoreWire, KeepsTheErrnoOfEveryWordOfXens) {
    for (const auto& each : xsd_errors) {
        EXPECT_EQ(parse_error(join({each.errstring})), errno_code(each.errnum));
        EXPECT_EQ(error_word(each.errnum), each.errstring);
    }
    EXPECT_EQ(parse_error("EQUOTA"), errno_code(EDQUOT));
    EXPECT_EQ(parse_error("EWHAT"), errc::store_protocol);
    EXPECT_EQ(parse_error(""), errc::store_protocol);
}

} // namespace
} // namespace xenring::store_wire
