// The stand-in's two deaths: a process's, which the kernel cleans up after with notifications, and
// a whole domain's, which nobody is told of but through the store.
#include <xenring/grant/store.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <tests/grant/local_fixture.hpp>

namespace xenring::test {
namespace {

using enum access;

class LocalDeath : public local_domains {};

TEST_F(LocalDeath, UnmapClearsTheByteAndRaisesTheEvent) {
    bound_pair pair{*one, *two};
    const auto granted = one->share(domid{2}, 1, read_write);
    granted.bytes()[17] = std::byte{2};
    auto mapped = two->map<read_write>(grants_of(domid{1}, granted), {17, pair.right_port});
    EXPECT_TRUE(pending(*pair.left).empty());
    mapped.reset();
    EXPECT_EQ(granted.bytes()[17], std::byte{0});
    EXPECT_EQ(pending(*pair.left), std::vector{pair.left_port});
}

TEST_F(LocalDeath, GrantersUnmapNotifiesOnceEvenWhileBusy) {
    bound_pair pair{*one, *two};
    auto granted = one->share(domid{2}, 1, read_write, {3, pair.left_port});
    auto mapped = two->map<read_write>(grants_of(domid{1}, granted));
    mapped.bytes()[3] = std::byte{1};
    EXPECT_EQ(granted.end(), grant_end::busy);
    EXPECT_EQ(mapped.bytes()[3], std::byte{0});
    EXPECT_EQ(pending(*pair.right), std::vector{pair.right_port});
    error_code ec;
    pair.right->unmask(pair.right_port, ec);
    mapped.bytes()[3] = std::byte{1};
    EXPECT_EQ(granted.end(), grant_end::busy);
    EXPECT_EQ(mapped.bytes()[3], std::byte{1});
    EXPECT_TRUE(pending(*pair.right).empty());
    mapped.reset();
    EXPECT_EQ(granted.end(), grant_end::ended);
}

TEST_F(LocalDeath, NotificationOutlivesTheEventChannel) {
    bound_pair pair{*one, *two};
    const auto granted = one->share(domid{2}, 1, read_only);
    auto mapped = two->map<read_only>(grants_of(domid{1}, granted), {{}, pair.right_port});
    pair.right.reset();
    EXPECT_EQ(machine.statistics().of(domid{2}).ports, 1u);
    mapped.reset();
    EXPECT_EQ(pending(*pair.left), std::vector{pair.left_port});
    EXPECT_EQ(machine.statistics().of(domid{2}).ports, 0u);
}

TEST_F(LocalDeath, NotificationNeedsABoundPort) {
    error_code ec;
    EXPECT_FALSE(one->share(domid{2}, 1, read_write, {{}, port{9}}, ec));
    EXPECT_EQ(ec, errc::unmap_notify_refused);
    const auto granted = one->share(domid{2}, 1, read_write);
    EXPECT_FALSE(two->map<read_write>(grants_of(domid{1}, granted), {{}, port{9}}, ec));
    EXPECT_EQ(ec, errc::unmap_notify_refused);
}

TEST_F(LocalDeath, KilledProcessGivesBackEverythingWithNotifications) {
    bound_pair pair{*one, *two};
    const auto granted = one->share(domid{2}, 1, read_write);
    granted.bytes()[0] = std::byte{1};
    const auto mapped = two->map<read_write>(grants_of(domid{1}, granted), {0, pair.right_port});
    const auto held_by_two = two->share(domid{1}, 2, read_write);
    local::kill_process(*two);
    EXPECT_EQ(granted.bytes()[0], std::byte{0});
    EXPECT_EQ(pending(*pair.left), std::vector{pair.left_port});
    const auto left = machine.statistics().of(domid{2});
    EXPECT_EQ(left.processes + left.pages_mapped + left.pages_granted + left.ports, 0u);
    error_code ec;
    EXPECT_FALSE(two->share(domid{1}, 1, read_only, {}, ec));
    EXPECT_EQ(ec, errc::not_connected);
    pair.right->notify(pair.right_port, ec);
    EXPECT_EQ(ec, errc::not_connected);
    std::array<port, 4> none;
    EXPECT_EQ(pair.right->read_pending(none, ec), 0u);
    EXPECT_EQ(ec, errc::not_connected);
}

TEST_F(LocalDeath, AnotherProcessOfTheDomainLivesOn) {
    const auto other = machine.open(domid{2});
    const auto kept = other->share(domid{1}, 1, read_only);
    local::kill_process(*two);
    EXPECT_TRUE(one->map<read_only>(grants_of(domid{2}, kept)));
}

TEST_F(LocalDeath, PagesOfAKilledProcessEndWithThePeersLastMap) {
    const auto granted = one->share(domid{2}, 2, read_only);
    granted.bytes()[0] = std::byte{6};
    const auto grants = grants_of(domid{1}, granted);
    auto mapped = two->map<read_only>(grants);
    local::kill_process(*one);
    EXPECT_EQ(machine.statistics().of(domid{1}).pages_granted, 0u);
    EXPECT_EQ(machine.statistics().of(domid{1}).pages_deferred, 2u);
    EXPECT_EQ(mapped.bytes()[0], std::byte{6});
    mapped.reset();
    EXPECT_EQ(machine.statistics().of(domid{1}).pages_deferred, 0u);
    error_code ec;
    EXPECT_FALSE(two->map<read_only>(grants, {}, ec));
    EXPECT_EQ(ec, grant_status::bad_grant_reference);
    one.reset();
}

TEST_F(LocalDeath, ByteAndEventComeInEitherOrder) {
    for (const bool event_first : {false, true}) {
        std::byte seen{};
        bool told = false;
        const std::byte* watched = nullptr;
        event_channel* channel = nullptr;
        local::machine_options options;
        options.order = event_first ? local::unmap_notify_order::event_first
                                    : local::unmap_notify_order::byte_first;
        options.between_notifications = [&] {
            seen = *watched;
            told = !pending(*channel).empty();
        };
        local::machine ordered{options};
        const auto server = ordered.open(domid{1}), guest = ordered.open(domid{2});
        bound_pair pair{*server, *guest};
        const auto granted = server->share(domid{2}, 1, read_write);
        granted.bytes()[8] = std::byte{1};
        watched = &granted.bytes()[8];
        channel = pair.left.get();
        guest->map<read_write>(grants_of(domid{1}, granted), {8, pair.right_port});
        EXPECT_EQ(seen, event_first ? std::byte{1} : std::byte{0});
        EXPECT_EQ(told, event_first);
        EXPECT_EQ(*watched, std::byte{0});
        EXPECT_EQ(pending(*pair.left).size(), event_first ? 0u : 1u);
    }
}

TEST_F(LocalDeath, DestroyedDomainNotifiesNobody) {
    bound_pair pair{*one, *two};
    auto granted = one->share(domid{2}, 1, read_write);
    granted.bytes()[0] = std::byte{1};
    const auto mapped = two->map<read_write>(grants_of(domid{1}, granted), {0, pair.right_port});
    machine.destroy(domid{2});
    EXPECT_EQ(granted.bytes()[0], std::byte{1});
    EXPECT_TRUE(pending(*pair.left).empty());
    EXPECT_EQ(granted.end(), grant_end::ended); // what it mapped is released
}

TEST_F(LocalDeath, PagesOfADestroyedDomainStayReadableUnderTheMapsThatAreThere) {
    const auto granted = one->share(domid{2}, 1, read_only);
    granted.bytes()[0] = std::byte{4};
    const auto grants = grants_of(domid{1}, granted);
    const auto mapped = two->map<read_only>(grants);
    machine.destroy(domid{1});
    EXPECT_EQ(mapped.bytes()[0], std::byte{4});
    error_code ec;
    EXPECT_FALSE(two->map<read_only>(grants, {}, ec));
    EXPECT_EQ(ec, grant_status::bad_domain);
}

TEST_F(LocalDeath, PortOfADestroyedDomainsPeerWaitsForADomainOfThatNumber) {
    bound_pair pair{*one, *two};
    machine.destroy(domid{2});
    error_code ec;
    pair.left->notify(pair.left_port, ec); // lost
    EXPECT_FALSE(ec);
    const auto again = machine.open(domid{2});
    const auto channel = again->open_event_channel();
    const auto bound = channel->bind_interdomain(domid{1}, pair.left_port, ec);
    EXPECT_FALSE(ec) << ec.message();
    pair.right->notify(pair.right_port, ec); // the old domain's program
    EXPECT_EQ(ec, errc::domain_destroyed);
    EXPECT_TRUE(pending(*pair.left).empty());
    channel->notify(bound, ec);
    EXPECT_EQ(pending(*pair.left).size(), 1u);
}

TEST_F(LocalDeath, ProgramsOfADestroyedDomainAreTold) {
    const auto channel = one->open_event_channel();
    const auto granted = one->share(domid{2}, 1, read_only);
    machine.destroy(domid{1});
    error_code ec;
    EXPECT_FALSE(one->share(domid{2}, 1, read_only, {}, ec));
    EXPECT_EQ(ec, errc::domain_destroyed);
    std::array<port, 4> none;
    channel->read_pending(none, ec);
    EXPECT_EQ(ec, errc::domain_destroyed);
    one->open_store(ec);
    EXPECT_EQ(ec, errc::domain_destroyed);
    machine.destroy(domid{1}, ec);
    EXPECT_EQ(ec, errc::no_such_domain);
}

TEST_F(LocalDeath, GrantsOfADestroyedDomainAreNotTheNextOnes) {
    const auto old = one->share(domid{2}, 1, read_only);
    const auto mapped = two->map<read_only>(grants_of(domid{1}, old));
    machine.destroy(domid{1});
    const auto next = machine.open(domid{1});
    const auto fresh = next->share(domid{2}, 1, read_only);
    fresh.bytes()[0] = std::byte{8};
    EXPECT_EQ(fresh.references()[0], old.references()[0]);
    EXPECT_EQ(two->map<read_only>(grants_of(domid{1}, fresh)).bytes()[0], std::byte{8});
    EXPECT_EQ(machine.statistics().of(domid{1}).pages_granted, 1u);
}

TEST_F(LocalDeath, DestroyedDomainsStoreNodesGoAndWatchesFire) {
    using namespace std::chrono_literals;
    boost::asio::io_context io;
    store guests{io.get_executor(), two->open_store()};
    guests.write("data/service", "up");
    store dom0{io.get_executor(), machine.open(domid{0})->open_store()};
    EXPECT_EQ(dom0.read("/local/domain/2/data/service"), "up");
    error_code ec;
    auto node = dom0.watch("/local/domain/2/data/service", ec);
    auto releases = dom0.watch("@releaseDomain", ec);
    node.wait_for(1s, ec);
    releases.wait_for(1s, ec);
    ASSERT_FALSE(ec) << ec.message();
    machine.destroy(domid{2});
    EXPECT_FALSE(dom0.exists("/local/domain/2/data/service", ec));
    node.wait_for(1s, ec);
    EXPECT_FALSE(ec) << ec.message();
    releases.wait_for(1s, ec);
    EXPECT_FALSE(ec) << ec.message();
    guests.read("data/service", ec);
    EXPECT_EQ(ec, errc::store_gone);
}

} // namespace
} // namespace xenring::test
