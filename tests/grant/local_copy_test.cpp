// Grant copies on the stand-in: each segment has a fate of its own.
#include <algorithm>
#include <cerrno>
#include <tests/grant/local_fixture.hpp>

namespace xenring::test {
namespace {

using enum access;

class LocalCopy : public local_domains {
protected:
    std::vector<std::byte> pattern = [] {
        std::vector<std::byte> bytes(3 * page_size);
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = std::byte(i * 7 % 253);
        return bytes;
    }();
};

granted_memory at(domid owner, grant_ref reference, std::uint16_t offset = 0) {
    return {owner, reference, offset};
}

TEST_F(LocalCopy, BytesGoBothWays) {
    const auto granted = one->share(domid{2}, 2, read_write);
    std::vector<std::byte> back(100);
    std::array segments{
        copy_segment{pattern.data() + 4000, at(domid{1}, granted.references()[1], 50), 100},
        copy_segment{at(domid{1}, granted.references()[1], 50), back.data(), 100}};
    two->copy(segments);
    EXPECT_EQ(segments[0].status, grant_status::okay);
    EXPECT_EQ(segments[1].status, grant_status::okay);
    EXPECT_TRUE(std::ranges::equal(back, std::span{pattern}.subspan(4000, 100)));
    EXPECT_EQ(granted.bytes()[page_size + 50], pattern[4000]);
}

TEST_F(LocalCopy, GrantedToGrantedNeedsNoMemoryOfOurs) {
    const auto three = machine.open(domid{3});
    const auto source = one->share(domid{3}, 1, read_only);
    const auto destination = two->share(domid{3}, 1, read_write);
    source.bytes()[9] = std::byte{77};
    std::array segments{copy_segment{at(domid{1}, source.references()[0]),
                                     at(domid{2}, destination.references()[0]), page_size}};
    three->copy(segments);
    EXPECT_EQ(segments[0].status, grant_status::okay);
    EXPECT_EQ(destination.bytes()[9], std::byte{77});
}

TEST_F(LocalCopy, OneBadSegmentDoesNotStopTheOthers) {
    const auto writable = one->share(domid{2}, 1, read_write);
    const auto readable = one->share(domid{2}, 1, read_only);
    const auto others = one->share(domid{3}, 1, read_write);
    const auto good = at(domid{1}, writable.references()[0]);
    std::array segments{
        copy_segment{pattern.data(), at(domid{1}, readable.references()[0]), 10},
        copy_segment{pattern.data(), at(domid{1}, others.references()[0]), 10},
        copy_segment{pattern.data(), at(domid{1}, grant_ref{300}), 10},
        copy_segment{pattern.data(), at(domid{1}, grant_ref{100000}), 10},
        copy_segment{pattern.data(), at(domid{1}, writable.references()[0], 4090), 7},
        copy_segment{pattern.data(), at(domid{50}, grant_ref{8}), 10},
        copy_segment{pattern.data(), good, 10}};
    two->copy(segments);
    using enum grant_status;
    const std::array expected{general_error,     general_error, general_error, bad_grant_reference,
                              bad_copy_argument, bad_domain,    okay};
    for (std::size_t i = 0; i < segments.size(); ++i)
        EXPECT_EQ(segments[i].status, expected[i]) << i;
    EXPECT_EQ(writable.bytes()[9], pattern[9]);
    EXPECT_EQ(readable.bytes()[0], std::byte{0});
    EXPECT_EQ(others.bytes()[1], std::byte{0});
}

TEST_F(LocalCopy, LocalMemoryMayCrossPagesAndACopyMayEndAtThePagesEnd) {
    const auto granted = one->share(domid{2}, 1, read_write);
    std::array segments{
        copy_segment{pattern.data() + 2000, at(domid{1}, granted.references()[0]), page_size}};
    two->copy(segments);
    EXPECT_EQ(segments[0].status, grant_status::okay);
    EXPECT_TRUE(std::ranges::equal(granted.bytes(), std::span{pattern}.subspan(2000, page_size)));
}

TEST_F(LocalCopy, LocalToLocalFailsTheWholeBatch) {
    const auto granted = one->share(domid{2}, 1, read_write);
    std::vector<std::byte> target(8);
    std::array segments{copy_segment{pattern.data(), at(domid{1}, granted.references()[0]), 8},
                        copy_segment{pattern.data(), target.data(), 8}};
    error_code ec;
    two->copy(segments, ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
    EXPECT_EQ(granted.bytes()[1], std::byte{0});
}

TEST_F(LocalCopy, EndedGrantIsRefusedThoughItsMemoryIsStillAtHand) {
    auto granted = one->share(domid{2}, 1, read_write);
    std::array segments{copy_segment{pattern.data(), at(domid{1}, granted.references()[0]), 8}};
    two->copy(segments);
    EXPECT_EQ(segments[0].status, grant_status::okay);
    EXPECT_EQ(granted.end(), grant_end::ended);
    two->copy(segments);
    EXPECT_EQ(segments[0].status, grant_status::general_error);
}

} // namespace
} // namespace xenring::test
