#include "xen_fake.hpp"

#include <xenring/grant/xen/grant_table.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace xenring {
namespace {

using tests::fake_xen;

class XenGrantTable : public ::testing::Test {
protected:
    XenGrantTable() { tests::reset_fake_xen(); }
    ~XenGrantTable() override {
        EXPECT_EQ(fake_xen().mapped_pages, 0U);
        EXPECT_EQ(fake_xen().shared_pages, 0U);
    }

    error_code map_error(std::vector<foreign_grant> grants, access mode,
                         const unmap_notify& notify = {}) {
        error_code ec;
        const auto region = table_.map(grants, mode, notify, ec);
        EXPECT_EQ(region.address, nullptr);
        return ec;
    }

    const domid peer_{3};
    tests::device_directory nodes_;
    xen::grant_table table_{nodes_.path()};
    std::vector<grant_ref> references_;
    error_code ec_;
};

/// The VmFlags line of the mapping that begins at `address`.
std::string flags_of(const void* address) {
    std::ostringstream begin;
    begin << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
    std::ifstream maps{"/proc/self/smaps"};
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        if (line.find('-') != std::string::npos && line.find(':') != std::string::npos &&
            line.rfind("VmFlags", 0) != 0 && line.find("kB") == std::string::npos)
            inside = line.rfind(begin.str(), 0) == 0;
        if (inside && line.rfind("VmFlags", 0) == 0)
            return line + " ";
    }
    return {};
}

TEST_F(XenGrantTable, SharedPagesStayOutOfChildrenAndOfExec) {
    const auto region = table_.share(peer_, 2, access::read_write, {}, references_, ec_);
    ASSERT_FALSE(ec_) << ec_.message();
    EXPECT_EQ(references_.size(), 2U);
    EXPECT_NE(flags_of(region.address).find(" dc "), std::string::npos) << flags_of(region.address);
    EXPECT_TRUE(::fcntl(fake_xen().gntalloc_descriptor, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(table_.unshare(region), grant_end::unknown);
}

TEST_F(XenGrantTable, FullGntallocIsTheGrantLimit) {
    fake_xen().share_error = ENOSPC;
    table_.share(peer_, 1, access::read_only, {}, references_, ec_);
    EXPECT_EQ(ec_, errc::grant_limit);
    EXPECT_EQ(ec_, condition::resource_exhausted);
    EXPECT_TRUE(references_.empty());
}

TEST_F(XenGrantTable, OtherErrnosOfSharingAreKept) {
    fake_xen().share_error = ENOMEM;
    table_.share(peer_, 1, access::read_only, {}, references_, ec_);
    EXPECT_EQ(ec_, errno_code(ENOMEM));
}

TEST_F(XenGrantTable, MissingNotifyMembersAreMinusOneToTheLibrary) {
    const auto region =
        table_.share(peer_, 1, access::read_write, {std::nullopt, port{7}}, references_, ec_);
    ASSERT_FALSE(ec_);
    EXPECT_EQ(fake_xen().notify_offsets[references_[0].value], -1);
    table_.unshare(region);
}

TEST_F(XenGrantTable, RefusedNotifyOfASharedPageIsNamed) {
    fake_xen().refuse_notify = true;
    table_.share(peer_, 1, access::read_write, {5, port{9}}, references_, ec_);
    EXPECT_EQ(ec_, errc::unmap_notify_refused);
}

TEST_F(XenGrantTable, BadReferenceIsNamedWhereGntdevSaysOnlyEinval) {
    fake_xen().grants = {{1, true}};
    EXPECT_EQ(map_error({{peer_, grant_ref{1}}, {peer_, grant_ref{2}}}, access::read_only),
              grant_status::bad_grant_reference);
}

TEST_F(XenGrantTable, WritableMapOfAReadOnlyGrantIsPermissionDenied) {
    fake_xen().grants = {{1, false}};
    EXPECT_EQ(map_error({{peer_, grant_ref{1}}}, access::read_write),
              grant_status::permission_denied);
}

TEST_F(XenGrantTable, RefusedNotifyOfAMappingIsNamed) {
    fake_xen().grants = {{1, true}};
    fake_xen().refuse_notify = true;
    EXPECT_EQ(map_error({{peer_, grant_ref{1}}}, access::read_write, {0, std::nullopt}),
              errc::unmap_notify_refused);
}

TEST_F(XenGrantTable, MappedPagesStayOutOfChildren) {
    fake_xen().grants = {{1, true}};
    const std::vector<foreign_grant> grants{{peer_, grant_ref{1}}};
    const auto region = table_.map(grants, access::read_write, {}, ec_);
    ASSERT_FALSE(ec_);
    EXPECT_NE(flags_of(region.address).find(" dc "), std::string::npos);
    table_.unmap(region, ec_);
    EXPECT_FALSE(ec_);
}

TEST_F(XenGrantTable, MissingNodeIsNamedWhenItIsFirstNeeded) {
    std::filesystem::remove(nodes_.node("gntalloc"));
    fake_xen().grants = {{1, true}};
    const std::vector<foreign_grant> grants{{peer_, grant_ref{1}}};
    const auto region = table_.map(grants, access::read_only, {}, ec_);
    ASSERT_FALSE(ec_) << "mapping needs no gntalloc";
    table_.unmap(region, ec_);
    table_.share(peer_, 1, access::read_only, {}, references_, ec_);
    EXPECT_EQ(ec_, condition::not_available);
    EXPECT_NE(ec_.message().find("modprobe xen-gntalloc"), std::string::npos) << ec_.message();
}

TEST_F(XenGrantTable, NodeThatAppearsLaterIsUsed) {
    std::filesystem::remove(nodes_.node("gntalloc"));
    table_.share(peer_, 1, access::read_only, {}, references_, ec_);
    ASSERT_TRUE(ec_);
    std::ofstream{nodes_.node("gntalloc")};
    const auto region = table_.share(peer_, 1, access::read_only, {}, references_, ec_);
    EXPECT_FALSE(ec_) << ec_.message();
    table_.unshare(region);
}

copy_segment from_grant(std::uint32_t reference, std::byte* to, std::uint16_t offset = 0,
                        std::uint16_t length = 8) {
    return {granted_memory{domid{3}, grant_ref{reference}, offset}, to, length};
}

TEST_F(XenGrantTable, EachCopySegmentHasItsOwnVerdict) {
    fake_xen().grants = {{1, true}, {2, false}};
    std::array<std::byte, 8> local{};
    std::array segments{from_grant(1, local.data()), from_grant(9, local.data()),
                        from_grant(1, local.data(), 4092),
                        copy_segment{local.data(), granted_memory{domid{3}, grant_ref{2}, 0}, 8},
                        from_grant(2, local.data(), 4088)};
    table_.copy(segments, ec_);
    ASSERT_FALSE(ec_);
    EXPECT_EQ(segments[0].status, grant_status::okay);
    EXPECT_EQ(segments[1].status, grant_status::bad_grant_reference);
    EXPECT_EQ(segments[2].status, grant_status::bad_copy_argument);
    EXPECT_EQ(segments[3].status, grant_status::permission_denied);
    EXPECT_EQ(segments[4].status, grant_status::okay);
    EXPECT_EQ(fake_xen().copy_calls, (std::vector<std::size_t>{4}));
}

TEST_F(XenGrantTable, LongBatchesAreCutAndNothingIsLost) {
    fake_xen().grants = {{1, true}};
    std::array<std::byte, 8> local{};
    std::vector<copy_segment> segments(150, from_grant(1, local.data()));
    table_.copy(segments, ec_);
    ASSERT_FALSE(ec_);
    EXPECT_EQ(fake_xen().copy_calls, (std::vector<std::size_t>{64, 64, 22}));
    for (const auto& segment : segments)
        EXPECT_EQ(segment.status, grant_status::okay);
}

TEST_F(XenGrantTable, CopyBetweenTwoLocalBuffersIsInvalid) {
    std::array<std::byte, 8> local{};
    copy_segment segment{local.data(), local.data(), 8, grant_status::okay};
    table_.copy({&segment, 1}, ec_);
    EXPECT_EQ(ec_, errno_code(EINVAL));
    EXPECT_TRUE(fake_xen().copy_calls.empty());
    EXPECT_NE(segment.status, grant_status::okay);
}

TEST_F(XenGrantTable, NoSegmentOfAFailedCallIsOkay) {
    fake_xen().grants = {{1, true}};
    fake_xen().copy_error = EFAULT;
    std::array<std::byte, 8> local{};
    std::vector<copy_segment> segments(4, from_grant(1, local.data()));
    table_.copy(segments, ec_);
    EXPECT_EQ(ec_, errno_code(EFAULT));
    for (const auto& segment : segments)
        EXPECT_EQ(segment.status, grant_status::general_error);
}

} // namespace
} // namespace xenring
