// Grant copies: both directions, and each segment's own verdict.
#include "two_domains.hpp"

#include <array>
#include <cerrno>

namespace xenring::conformance {
namespace {

class grant_copy : public two_domains {
protected:
    void SetUp() override {
        two_domains::SetUp();
        theirs_ = far().share(near().self(), 1, access::read_write);
        far().write(theirs_, 0, "their bytes");
    }
    granted_memory at(grant_ref reference, std::uint16_t offset = 0) const {
        return {far().id(), reference, offset};
    }
    granted_memory their(std::uint16_t offset = 0) const {
        return at(theirs_.references[0], offset);
    }
    grant_status copy_one(copy_segment segment) {
        near().copy({&segment, 1});
        return segment.status;
    }

    far_pages theirs_;
    std::array<std::byte, 2 * page_size> local_{};
};

TEST_F(grant_copy, TakesBytesFromAGrant) {
    EXPECT_EQ(copy_one({their(6), local_.data(), 5}), grant_status::okay);
    EXPECT_EQ(text(local_, 6), (std::string{"bytes\0", 6}));
}

TEST_F(grant_copy, PutsBytesIntoAGrant) {
    put(local_, "OUR");
    EXPECT_EQ(copy_one({local_.data(), their(0), 3}), grant_status::okay);
    EXPECT_EQ(far().read(theirs_, 0, 11), "OURir bytes");
}

TEST_F(grant_copy, CopiesFromGrantToGrant) {
    const auto second = far().share(near().self(), 1, access::read_write);
    EXPECT_EQ(copy_one({their(), at(second.references[0], 100), 11}), grant_status::okay);
    EXPECT_EQ(far().read(second, 100, 11), "their bytes");
}

TEST_F(grant_copy, LocalSideMayCrossAPage) {
    const auto second = far().share(near().self(), 1, access::read_only);
    far().write(second, 0, std::string(page_size, 'z'));
    auto* across = local_.data() + 1000;
    EXPECT_EQ(copy_one({at(second.references[0]), across, page_size}), grant_status::okay);
    EXPECT_EQ(text({across, page_size}, page_size), std::string(page_size, 'z'));
}

TEST_F(grant_copy, OneBadSegmentDoesNotStopTheOthers) {
    const auto readable = far().share(near().self(), 1, access::read_only);
    std::array segments{
        copy_segment{their(), local_.data(), 5},
        copy_segment{at(grant_ref{0x7fffffff}), local_.data() + 8, 1},
        copy_segment{their(4090), local_.data() + 8, 7},
        copy_segment{local_.data(), at(readable.references[0]), 4},
        copy_segment{granted_memory{nobody, grant_ref{8}, 0}, local_.data() + 8, 1},
        copy_segment{their(6), local_.data() + 16, 5},
    };
    near().copy(segments);
    EXPECT_EQ(segments[0].status, grant_status::okay);
    EXPECT_EQ(segments[1].status, grant_status::bad_grant_reference);
    EXPECT_EQ(segments[2].status, grant_status::bad_copy_argument);
    EXPECT_NE(segments[3].status, grant_status::okay) << "wrote into a read-only grant";
    EXPECT_EQ(segments[4].status, grant_status::bad_domain);
    EXPECT_EQ(segments[5].status, grant_status::okay);
    EXPECT_EQ(text(local_, 5), "their");
    EXPECT_EQ(text(std::span{local_}.subspan(16), 5), "bytes");
    EXPECT_EQ(far().read(readable, 0, 4), std::string(4, '\0'));
}

TEST_F(grant_copy, ReadOnlyGrantMayBeRead) {
    const auto readable = far().share(near().self(), 1, access::read_only);
    EXPECT_EQ(copy_one({at(readable.references[0]), local_.data(), 4}), grant_status::okay);
}

TEST_F(grant_copy, LocalToLocalIsInvalid) {
    EXPECT_EQ(code_of([&] {
                  copy_one({local_.data(), local_.data() + 8, 8});
              }),
              errno_code(EINVAL));
}

TEST_F(grant_copy, LongBatchIsOneCall) {
    std::vector<copy_segment> segments(200, {their(), local_.data(), 11});
    near().copy(segments);
    for (const auto& segment : segments)
        ASSERT_EQ(segment.status, grant_status::okay);
}

TEST_F(grant_copy, EndedGrantIsRefused) {
    ASSERT_NE(far().end(theirs_), grant_end::busy);
    EXPECT_NE(copy_one({their(), local_.data(), 4}), grant_status::okay);
}

} // namespace
} // namespace xenring::conformance
