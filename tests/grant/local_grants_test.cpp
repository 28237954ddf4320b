// The stand-in's grants: who may map what, and when a grant ends.
#include <xenring/grant/local/mapping.hpp>

#include <cerrno>
#include <cstring>
#include <tests/grant/local_fixture.hpp>

namespace xenring::test {
namespace {

using enum access;

class LocalGrants : public local_domains {};

error_code map_error(hypervisor& by, foreign_grant grant, access mode) {
    error_code ec;
    if (mode == read_only)
        by.map<read_only>({&grant, 1}, {}, ec);
    else
        by.map<read_write>({&grant, 1}, {}, ec);
    return ec;
}

TEST_F(LocalGrants, BytesWrittenByOneAreReadByTheOther) {
    const auto granted = one->share(domid{2}, 3, read_write);
    const auto mapped = two->map<read_write>(grants_of(domid{1}, granted));
    for (std::size_t i = 0; i < granted.bytes().size(); i += 97)
        granted.bytes()[i] = std::byte(i % 251);
    EXPECT_EQ(std::memcmp(granted.bytes().data(), mapped.bytes().data(), 3 * page_size), 0);
    mapped.bytes()[5000] = std::byte{200};
    EXPECT_EQ(granted.bytes()[5000], std::byte{200});
}

TEST_F(LocalGrants, GrantedPagesAreZeroedAndPageAligned) {
    const auto granted = one->share(domid{2}, 2, read_only);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(granted.bytes().data()) % page_size, 0u);
    for (const auto byte : granted.bytes())
        ASSERT_EQ(byte, std::byte{0});
}

TEST_F(LocalGrants, ReferencesBeginBehindTheReservedOnesAndComeBackLate) {
    const auto first = one->share(domid{2}, 1, read_only).references()[0];
    EXPECT_EQ(first, grant_ref{8});
    for (int i = 0; i < 100; ++i)
        EXPECT_NE(one->share(domid{2}, 1, read_only).references()[0], first);
}

TEST_F(LocalGrants, PagesAreMappedInTheOrderAskedForAcrossRegions) {
    const auto a = one->share(domid{2}, 2, read_only);
    const auto b = one->share(domid{2}, 2, read_only);
    a.bytes()[0] = std::byte{1}, a.bytes()[page_size] = std::byte{2};
    b.bytes()[0] = std::byte{3}, b.bytes()[page_size] = std::byte{4};
    const std::array grants{
        foreign_grant{domid{1}, b.references()[1]}, foreign_grant{domid{1}, a.references()[0]},
        foreign_grant{domid{1}, a.references()[1]}, foreign_grant{domid{1}, b.references()[0]}};
    const auto mapped = two->map<read_only>(grants);
    for (const std::size_t i : {0u, 1u, 2u, 3u})
        EXPECT_EQ(mapped.bytes()[i * page_size], std::byte((std::array{4, 1, 2, 3})[i]));
}

TEST_F(LocalGrants, OneDomainMayMapPagesOfSeveral) {
    const auto three = machine.open(domid{3});
    const auto a = one->share(domid{3}, 1, read_only);
    const auto b = two->share(domid{3}, 1, read_only);
    b.bytes()[7] = std::byte{9};
    const std::array grants{foreign_grant{domid{1}, a.references()[0]},
                            foreign_grant{domid{2}, b.references()[0]}};
    EXPECT_EQ(three->map<read_only>(grants).bytes()[page_size + 7], std::byte{9});
}

TEST_F(LocalGrants, OnlyThePeerMayMap) {
    const auto granted = one->share(domid{2}, 1, read_only);
    const auto three = machine.open(domid{3});
    EXPECT_EQ(map_error(*three, {domid{1}, granted.references()[0]}, read_only),
              grant_status::permission_denied);
    EXPECT_EQ(map_error(*one, {domid{1}, granted.references()[0]}, read_only),
              grant_status::permission_denied);
}

TEST_F(LocalGrants, ReadOnlyPagesCannotBeMappedWritable) {
    const auto granted = one->share(domid{2}, 1, read_only);
    EXPECT_EQ(map_error(*two, {domid{1}, granted.references()[0]}, read_write),
              grant_status::permission_denied);
}

TEST_F(LocalGrants, ReadOnlyMappingFaultsOnWriting) {
    const auto granted = one->share(domid{2}, 1, read_only);
    const auto mapped = two->map<read_only>(grants_of(domid{1}, granted));
    auto* forbidden = const_cast<std::byte*>(mapped.bytes().data());
    EXPECT_DEATH(*forbidden = std::byte{1}, "");
}

TEST_F(LocalGrants, DescriptorOfReadOnlyPagesGivesNoRightToWrite) {
    const auto granted = one->share(domid{2}, 1, read_only);
    error_code ec;
    const auto process = machine.start_process(domid{2}, ec);
    const auto region = process->map(grants_of(domid{1}, granted), read_only, {}, ec).pages[0];
    process->memory(region.region, read_write, ec);
    EXPECT_EQ(ec, grant_status::permission_denied);
    ec.clear();
    const auto memory = process->memory(region.region, read_only, ec);
    ASSERT_FALSE(ec) << ec.message();
    local::mapping::of(memory, 1, read_write, ec);
    EXPECT_EQ(ec, errno_code(EACCES));
}

TEST_F(LocalGrants, WritablePagesMayBeMappedReadOnly) {
    const auto granted = one->share(domid{2}, 1, read_write);
    granted.bytes()[1] = std::byte{5};
    EXPECT_EQ(two->map<read_only>(grants_of(domid{1}, granted)).bytes()[1], std::byte{5});
}

TEST_F(LocalGrants, UnknownReferencesAndDomainsAreNamed) {
    EXPECT_EQ(map_error(*two, {domid{1}, grant_ref{8}}, read_only),
              grant_status::bad_grant_reference);
    EXPECT_EQ(map_error(*two, {domid{77}, grant_ref{8}}, read_only), grant_status::bad_domain);
}

TEST_F(LocalGrants, MapIsAllOrNothing) {
    const auto granted = one->share(domid{2}, 1, read_only);
    const std::array grants{foreign_grant{domid{1}, granted.references()[0]},
                            foreign_grant{domid{1}, grant_ref{4000}}};
    error_code ec;
    EXPECT_FALSE(two->map<read_only>(grants, {}, ec));
    EXPECT_TRUE(ec);
    EXPECT_EQ(machine.statistics().of(domid{2}).pages_mapped, 0u);
}

TEST_F(LocalGrants, DomainMayGrantToItself) {
    const auto granted = one->share(domid{1}, 1, read_write);
    const auto mapped = one->map<read_write>(grants_of(domid{1}, granted));
    mapped.bytes()[0] = std::byte{3};
    EXPECT_EQ(granted.bytes()[0], std::byte{3});
}

TEST_F(LocalGrants, RevokeIsBusyWhilePeerMaps) {
    auto granted = one->share(domid{2}, 2, read_write);
    auto mapped = two->map<read_write>(grants_of(domid{1}, granted));
    EXPECT_EQ(granted.end(), grant_end::busy);
    ASSERT_TRUE(granted);
    mapped.bytes()[0] = std::byte{1};
    EXPECT_EQ(granted.bytes()[0], std::byte{1});
    mapped.reset();
    EXPECT_EQ(granted.end(), grant_end::ended);
    EXPECT_FALSE(granted);
}

TEST_F(LocalGrants, EndedReferenceCannotBeMapped) {
    auto granted = one->share(domid{2}, 1, read_only);
    const foreign_grant grant{domid{1}, granted.references()[0]};
    EXPECT_EQ(granted.end(), grant_end::ended);
    EXPECT_EQ(map_error(*two, grant, read_only), grant_status::bad_grant_reference);
}

TEST_F(LocalGrants, PagesLeftToQuarantineEndWhenThePeerUnmaps) {
    auto granted = one->share(domid{2}, 1, read_only);
    auto mapped = two->map<read_only>(grants_of(domid{1}, granted));
    granted = {};
    EXPECT_EQ(one->accounts().quarantined(), 1u);
    mapped.reset();
    EXPECT_EQ(one->retry_quarantine(), 0u);
}

TEST_F(LocalGrants, ManyMapsOfOneGrantEachCount) {
    auto granted = one->share(domid{2}, 1, read_only);
    auto first = two->map<read_only>(grants_of(domid{1}, granted));
    auto second = two->map<read_only>(grants_of(domid{1}, granted));
    EXPECT_EQ(machine.statistics().of(domid{2}).pages_mapped, 2u);
    first.reset();
    EXPECT_EQ(granted.end(), grant_end::busy);
    second.reset();
    EXPECT_EQ(granted.end(), grant_end::ended);
}

class LocalQuota : public local_domains {
protected:
    LocalQuota() : local_domains{{.grant_pages = 10, .grant_entries = 8 + 12}} {}
};

TEST_F(LocalQuota, PagesOverTheLimitAreRefusedAndTheLimitIsOfTheDomain) {
    const auto same_domain = machine.open(domid{1});
    const auto six = one->share(domid{2}, 6, read_only);
    error_code ec;
    EXPECT_FALSE(same_domain->share(domid{2}, 5, read_only, {}, ec));
    EXPECT_EQ(ec, errc::grant_limit);
    EXPECT_EQ(ec, make_error_condition(condition::resource_exhausted));
    const auto four = same_domain->share(domid{2}, 4, read_only, {}, ec);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_TRUE(two->share(domid{1}, 10, read_only, {}, ec));
}

TEST_F(LocalQuota, DefaultIsThatOfGntalloc) {
    local::machine plain;
    const auto guest = plain.open(domid{1});
    error_code ec;
    EXPECT_FALSE(guest->share(domid{2}, 1025, read_only, {}, ec));
    EXPECT_EQ(ec, errc::grant_limit);
    EXPECT_TRUE(guest->share(domid{2}, 1024, read_only, {}, ec));
}

TEST_F(LocalQuota, ReferencesAreReusedOnlyWhenTheTableIsUsedUp) {
    one->share(domid{2}, 8, read_only); // 8..15
    const auto rest = one->share(domid{2}, 4, read_only);
    EXPECT_EQ(rest.references()[0], grant_ref{16});
    const auto again = one->share(domid{2}, 1, read_only);
    EXPECT_EQ(again.references()[0], grant_ref{8});
}

} // namespace
} // namespace xenring::test
