#include <xenring/grant/ledger.hpp>
#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/pages.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <type_traits>

namespace xenring {
namespace {

constexpr domid us{1};
constexpr domid peer{2};

static_assert(!std::is_copy_constructible_v<granted_pages>);
static_assert(std::is_nothrow_move_constructible_v<granted_pages>);
static_assert(std::is_same_v<mapped_pages<access::read_only>::byte, const std::byte>);
static_assert(
    std::is_constructible_v<mapped_pages<access::read_only>, mapped_pages<access::read_write>&&>);
static_assert(
    !std::is_constructible_v<mapped_pages<access::read_write>, mapped_pages<access::read_only>&&>);
static_assert(!std::is_convertible_v<int, domid> && !std::is_convertible_v<domid, port>);

class Pages : public testing::Test {
protected:
    foreign_grant grant_of(const granted_pages& pages, std::size_t index = 0) {
        return {us, pages.references()[index]};
    }

    local::machine machine;
    std::shared_ptr<hypervisor> here = machine.open(us);
    std::shared_ptr<hypervisor> there = machine.open(peer);
};

TEST_F(Pages, AreCountedWhileTheyAreGrantedAndMapped) {
    auto pages = here->share(peer, 3, access::read_write);
    EXPECT_EQ(here->accounts().granted(), 3u);
    const foreign_grant grants[] = {grant_of(pages, 2), grant_of(pages, 0)};
    auto mapped = there->map<access::read_write>(grants);
    EXPECT_EQ(there->accounts().mapped(), 2u);
    mapped.reset();
    EXPECT_EQ(there->accounts().mapped(), 0u);
    EXPECT_EQ(pages.end(), grant_end::ended);
    EXPECT_FALSE(pages);
    EXPECT_EQ(here->accounts().granted(), 0u);
    EXPECT_EQ(here->accounts().granted_high_water(), 3u);
}

TEST_F(Pages, MapsInTheOrderAsked) {
    auto pages = here->share(peer, 2, access::read_write);
    pages.bytes()[0] = std::byte{1};
    pages.bytes()[page_size] = std::byte{2};
    const foreign_grant grants[] = {grant_of(pages, 1), grant_of(pages, 0)};
    const auto mapped = there->map<access::read_only>(grants);
    EXPECT_EQ(mapped.bytes()[0], std::byte{2});
    EXPECT_EQ(mapped.bytes()[page_size], std::byte{1});
}

TEST_F(Pages, EndIsBusyWhileThePeerMapsAndMayBeRepeated) {
    auto pages = here->share(peer, 1, access::read_write);
    const auto grant = grant_of(pages);
    auto mapped = there->map<access::read_write>({&grant, 1});
    EXPECT_EQ(pages.end(), grant_end::busy);
    EXPECT_TRUE(pages);
    mapped.reset();
    EXPECT_EQ(pages.end(), grant_end::ended);
}

TEST_F(Pages, DroppedWhileMappedAreQuarantinedUntilThePeerUnmaps) {
    auto pages = here->share(peer, 2, access::read_write);
    const auto grant = grant_of(pages);
    auto mapped = there->map<access::read_write>({&grant, 1});
    pages = {};
    EXPECT_EQ(here->accounts().quarantined(), 2u);
    mapped.reset();
    auto next = here->share(peer, 1, access::read_only); // asks again by the way
    EXPECT_EQ(here->accounts().quarantined(), 0u);
}

TEST_F(Pages, AMoveLeavesTheSourceEmpty) {
    auto pages = here->share(peer, 1, access::read_write);
    const auto* address = pages.bytes().data();
    auto moved = std::move(pages);
    EXPECT_FALSE(pages); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(moved.bytes().data(), address);
    EXPECT_EQ(here->accounts().granted(), 1u);
}

TEST_F(Pages, KeepTheirHypervisorAlive) {
    auto pages = here->share(peer, 1, access::read_write);
    here.reset();
    pages.bytes()[0] = std::byte{1};
    EXPECT_EQ(pages.end(), grant_end::ended);
}

TEST_F(Pages, RefuseWhatCannotBe) {
    error_code ec;
    EXPECT_FALSE(here->share(peer, 0, access::read_write, {}, ec));
    EXPECT_EQ(ec, boost::system::errc::invalid_argument);
    EXPECT_FALSE(here->share(peer, 2, access::read_write, {.clear_byte = 1, .notify = {}}, ec));
    EXPECT_EQ(ec, boost::system::errc::invalid_argument);
    auto pages = here->share(peer, 1, access::read_only);
    const auto grant = grant_of(pages);
    EXPECT_FALSE(there->map<access::read_only>({&grant, 1}, {.clear_byte = 1, .notify = {}}, ec));
    EXPECT_EQ(ec, boost::system::errc::invalid_argument);
}

TEST_F(Pages, ThrownErrorsNameTheGrant) {
    const foreign_grant wrong{us, grant_ref{4711}};
    try {
        (void)there->map<access::read_only>({&wrong, 1});
        FAIL() << "mapped a grant that does not exist";
    } catch (const error& problem) {
        EXPECT_NE(std::string{problem.what()}.find("reference 4711 of domain 1"),
                  std::string::npos);
        EXPECT_EQ(problem.code(), grant_status::bad_grant_reference);
    }
}

#ifndef NDEBUG
TEST(PagesDeathTest, WhatIsStillHeldWhenTheProcessEndsIsNamed) {
    const auto leak = [] {
        static local::machine machine;
        static const auto& kept =
            *new granted_pages{machine.open(us)->share(peer, 3, access::read_write)};
        std::exit(static_cast<int>(kept.references().size()));
    };
    EXPECT_EXIT(leak(), testing::ExitedWithCode(3),
                "xenring: leak: 3 page.s. granted and 0 mapped.*\n"
                "xenring: leak: granted to domain 2: grant reference [0-9]+, [0-9]+, [0-9]+\n$");
}

TEST(PagesDeathTest, OnlyAFewOfManyLeakedPagesAreNamed) {
    const auto leak = [] {
        static local::machine machine;
        static const auto own = machine.open(us), other = machine.open(peer);
        static const auto& granted = *new granted_pages{own->share(peer, 20, access::read_write)};
        static auto& mapped = *new std::vector<mapped_pages<access::read_only>>;
        std::vector<foreign_grant> grants;
        for (const auto reference : granted.references())
            grants.push_back({us, reference});
        for (int i = 0; i != 18; ++i)
            mapped.push_back(other->map<access::read_only>(grants));
        (void)own->share(peer, 1, access::read_write); // not kept, so not named
        std::exit(0);
    };
    EXPECT_EXIT(leak(), testing::ExitedWithCode(0),
                "mapped, of domain 1: grant reference [0-9]+(, [0-9]+){7} and 12 more\n"
                "(.*\n)*xenring: leak: and 2 more regions");
}
#endif

} // namespace
} // namespace xenring
