// Grants and mappings: who may map what, how, and what becomes of the pages.
#include "two_domains.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace xenring::conformance {
namespace {

class mapping : public two_domains {
protected:
    template <access Mode>
    mapped_pages<Mode> map(const std::vector<foreign_grant>& grants) {
        return near().map<Mode>(grants);
    }
    error_code map_error(const std::vector<foreign_grant>& grants, access mode) {
        return code_of([&] {
            if (mode == access::read_write)
                map<access::read_write>(grants);
            else
                map<access::read_only>(grants);
        });
    }
    /// Whether the hypervisor itself refuses a map. Which status it gives is its own business: Xen
    /// says general_error for much.
    bool refused(const std::vector<foreign_grant>& grants) {
        const auto code = map_error(grants, access::read_only);
        return code && code.category() == grant_status_category();
    }
};

bool all_zero(std::string_view bytes) {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

TEST_F(mapping, BytesWrittenOnEitherSideAreSeenOnTheOther) {
    auto granted = share_one();
    const auto mapped = far().map({own_grant(granted.references()[0])}, access::read_write);
    put(granted.bytes(), "from the owner");
    EXPECT_EQ(far().read(mapped, 0, 14), "from the owner");
    far().write(mapped, 4094, "xy");
    EXPECT_EQ(text(granted.bytes().subspan(4094), 2), "xy");
    far().unmap(mapped);
}

TEST_F(mapping, TheOtherWayRoundToo) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    auto mapped = map<access::read_write>(far().grants(granted));
    far().write(granted, 100, "from the owner");
    EXPECT_EQ(text(mapped.bytes().subspan(100), 14), "from the owner");
    put(mapped.bytes(), "back");
    EXPECT_EQ(far().read(granted, 0, 4), "back");
    mapped.reset();
    EXPECT_NE(far().end(granted), grant_end::busy);
}

TEST_F(mapping, GrantedPagesAreZero) {
    for (int round = 0; round < 2; ++round) {
        auto granted = near().share(far().id(), 2, access::read_only);
        EXPECT_TRUE(all_zero(text(granted.bytes(), 2 * page_size)));
        put(granted.bytes(), std::string(2 * page_size, 'x')); // what the next round must not see
    }
}

TEST_F(mapping, PagesComeInTheOrderOfTheReferences) {
    auto granted = far().share(near().self(), 3, access::read_only);
    ASSERT_EQ(granted.references.size(), 3U);
    for (std::size_t page = 0; page < 3; ++page)
        far().write(granted, page * page_size, std::string(1, static_cast<char>('a' + page)));
    auto grants = far().grants(granted);
    std::swap(grants[0], grants[2]);
    const auto mapped = map<access::read_only>(grants);
    ASSERT_EQ(mapped.bytes().size(), 3 * page_size);
    EXPECT_EQ(text(mapped.bytes(), 1), "c");
    EXPECT_EQ(text(mapped.bytes().subspan(page_size), 1), "b");
    EXPECT_EQ(text(mapped.bytes().subspan(2 * page_size), 1), "a");
    EXPECT_EQ(near().accounts().mapped(), 3U);
}

TEST_F(mapping, ReadOnlyGrantMapsReadOnlyAndNotWritable) {
    const auto granted = far().share(near().self(), 1, access::read_only);
    far().write(granted, 0, "look");
    const auto mapped = map<access::read_only>(far().grants(granted));
    EXPECT_EQ(text(mapped.bytes(), 4), "look");
    EXPECT_EQ(map_error(far().grants(granted), access::read_write),
              grant_status::permission_denied);
    EXPECT_EQ(near().accounts().mapped(), 1U);
}

TEST_F(mapping, ReadOnlyMappingRefusesWritesEvenBehindTheTypesBack) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    const auto mapped = map<access::read_only>(far().grants(granted));
    // The kernel copies into the page on our behalf, and says so instead of raising SIGSEGV.
    const int source = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(source, 0);
    EXPECT_EQ(::read(source, const_cast<std::byte*>(mapped.bytes().data()), 1), -1);
    EXPECT_EQ(errno, EFAULT);
    ::close(source);
}

TEST_F(mapping, GrantForAnotherDomainIsRefused) {
    // The far domain's own pages, granted to a domain that is not us.
    const auto granted = far().share(nobody, 1, access::read_write);
    EXPECT_TRUE(refused(far().grants(granted)));
}

TEST_F(mapping, ReferenceThatWasNeverGrantedIsRefused) {
    EXPECT_EQ(map_error({far().grant(grant_ref{0x7fffffff})}, access::read_only),
              grant_status::bad_grant_reference);
}

TEST_F(mapping, PagesOfADomainThatIsNotThereAreRefused) {
    EXPECT_EQ(map_error({{nobody, grant_ref{8}}}, access::read_only), grant_status::bad_domain);
}

TEST_F(mapping, OneBadReferenceFailsTheWholeBatch) {
    const auto granted = far().share(near().self(), 2, access::read_write);
    auto grants = far().grants(granted);
    grants.push_back(far().grant(grant_ref{0x7fffffff}));
    EXPECT_EQ(map_error(grants, access::read_write), grant_status::bad_grant_reference);
    EXPECT_EQ(near().accounts().mapped(), 0U);
    // Nothing of the batch stayed mapped: the owner can end the grant for good.
    EXPECT_EQ(far().end(granted), tells_end() ? grant_end::ended : grant_end::unknown);
}

TEST_F(mapping, DomainMapsItsOwnGrants) {
    auto ours = near().share(near().self(), 1, access::read_write);
    auto mapped = map<access::read_write>({own_grant(ours.references()[0])});
    put(mapped.bytes(), "to myself");
    EXPECT_EQ(text(ours.bytes(), 9), "to myself");
    EXPECT_EQ(map_error({far().grant(ours.references()[0])}, access::read_only).category(),
              grant_status_category())
        << "a reference means nothing without its domain";
}

TEST_F(mapping, PagesOfTwoDomainsMapAsOneRange) {
    const auto theirs = far().share(near().self(), 1, access::read_only);
    far().write(theirs, 0, "theirs");
    auto ours = near().share(near().self(), 1, access::read_only);
    put(ours.bytes(), "ours");
    const auto mapped =
        map<access::read_only>({own_grant(ours.references()[0]), far().grants(theirs)[0]});
    EXPECT_EQ(text(mapped.bytes(), 4), "ours");
    EXPECT_EQ(text(mapped.bytes().subspan(page_size), 6), "theirs");
}

TEST_F(mapping, OneGrantMapsAsOftenAsOneLikes) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    auto first = map<access::read_write>(far().grants(granted));
    auto second = map<access::read_only>(far().grants(granted));
    put(first.bytes(), "same page");
    EXPECT_EQ(text(second.bytes(), 9), "same page");
    first.reset();
    EXPECT_EQ(text(second.bytes(), 9), "same page");
}

TEST_F(mapping, EndedGrantMapsNoMore) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    EXPECT_EQ(far().end(granted), tells_end() ? grant_end::ended : grant_end::unknown);
    EXPECT_TRUE(refused(far().grants(granted)));
}

TEST_F(mapping, EndWhileMappedTakesNothingAway) {
    auto granted = share_one();
    put(granted.bytes(), "still here");
    const auto mapped = far().map({own_grant(granted.references()[0])}, access::read_write);
    EXPECT_EQ(granted.end(), tells_end() ? grant_end::busy : grant_end::unknown);
    EXPECT_EQ(far().read(mapped, 0, 10), "still here");
    far().unmap(mapped);
    if (tells_end()) {
        EXPECT_TRUE(eventually([&] { return granted.end() == grant_end::ended; }));
    }
}

TEST_F(mapping, DroppedWhileMappedIsCountedUntilItsEnd) {
    auto granted = share_one();
    const auto mapped = far().map({own_grant(granted.references()[0])}, access::read_write);
    granted = {};
    const auto& accounts = near().accounts();
    EXPECT_EQ(accounts.granted(), 0U);
    EXPECT_EQ(tells_end() ? accounts.quarantined() : accounts.unknown(), 1U);
    far().unmap(mapped);
    EXPECT_TRUE(eventually([&] { return near().retry_quarantine() == 0; }));
}

TEST_F(mapping, PagesOutliveTheProcessThatGrantedThem) {
    const auto granted = far().share(near().self(), 2, access::read_write);
    far().write(granted, page_size, "legacy");
    const auto mapped = map<access::read_write>(far().grants(granted));
    far().kill();
    EXPECT_EQ(text(mapped.bytes().subspan(page_size), 6), "legacy");
    put(mapped.bytes(), "and still writable");
}

TEST_F(mapping, DeadHoldersPagesComeBack) {
    auto granted = share_one();
    far().map({own_grant(granted.references()[0])}, access::read_write);
    far().kill();
    EXPECT_TRUE(eventually([&] { return granted.end() != grant_end::busy; }));
}

TEST_F(mapping, SharingStopsAtTheLimitAndGoesOnBelowIt) {
    constexpr std::size_t chunk = 64;
    std::vector<granted_pages> held;
    error_code ec;
    while (!ec && held.size() < 1000) {
        auto pages = near().share(far().id(), chunk, access::read_only, {}, ec);
        if (!ec)
            held.push_back(std::move(pages));
    }
    EXPECT_EQ(ec, errc::grant_limit) << ec.message();
    EXPECT_EQ(ec, condition::resource_exhausted);
    ASSERT_FALSE(held.empty());
    held.pop_back();
    EXPECT_TRUE(near().share(far().id(), chunk, access::read_only, {}, ec)) << ec.message();
    EXPECT_GE(near().accounts().granted_high_water(), chunk * (held.size() + 1));
}

} // namespace
} // namespace xenring::conformance
