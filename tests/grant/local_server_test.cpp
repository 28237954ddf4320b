// The stand-in in a process of its own: the same semantics through a socket, and what becomes of
// programs that are killed.
#include <xenring/grant/local/packet.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <cstring>
#include <tests/grant/local_fixture.hpp>
#include <tests/grant/local_processes.hpp>

namespace xenring::test {
namespace {

using enum access;

class LocalServer : public served_machine {};

std::string text(std::uint32_t number) {
    return std::to_string(number);
}

TEST_F(LocalServer, BytesCrossThroughPagesOfManyRegions) {
    const auto one = connect(domid{1}), two = connect(domid{2});
    EXPECT_EQ(one->self(), domid{1});
    EXPECT_EQ(one->kind(), "local");
    std::vector<granted_pages> regions;
    std::vector<foreign_grant> grants;
    for (int i = 0; i < 40; ++i) {
        regions.push_back(one->share(domid{2}, 5, read_write));
        std::memset(regions.back().bytes().data(), i, regions.back().bytes().size());
        const auto more = grants_of(domid{1}, regions.back());
        grants.insert(grants.end(), more.begin(), more.end());
    }
    const auto mapped = two->map<read_write>(grants);
    for (std::size_t page = 0; page < grants.size(); ++page)
        ASSERT_EQ(mapped.bytes()[page * page_size + 9], std::byte(page / 5));
}

TEST_F(LocalServer, RightsAreKept) {
    const auto one = connect(domid{1}), two = connect(domid{2}), three = connect(domid{3});
    const auto granted = one->share(domid{2}, 1, read_only);
    const auto grants = grants_of(domid{1}, granted);
    error_code ec;
    EXPECT_FALSE(two->map<read_write>(grants, {}, ec));
    EXPECT_EQ(ec, grant_status::permission_denied);
    EXPECT_FALSE(three->map<read_only>(grants, {}, ec));
    EXPECT_EQ(ec, grant_status::permission_denied);
    EXPECT_FALSE(two->map<read_only>(std::array{foreign_grant{domid{1}, grant_ref{999}}}, {}, ec));
    EXPECT_EQ(ec, grant_status::bad_grant_reference);
    EXPECT_TRUE(two->map<read_only>(grants, {}, ec));
}

TEST_F(LocalServer, EventsCrossWithoutTheServer) {
    const auto one = connect(domid{1}), two = connect(domid{2});
    bound_pair pair{*one, *two};
    error_code ec;
    for (int round = 0; round < 50; ++round) {
        pair.left->notify(pair.left_port, ec);
        ASSERT_TRUE(becomes_readable(pair.right->native_handle()));
        ASSERT_EQ(pending(*pair.right), std::vector{pair.right_port});
        pair.right->unmask(pair.right_port, ec);
    }
    pair.right->bind_interdomain(domid{1}, pair.left_port, ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
}

TEST_F(LocalServer, CopiesOfManySegmentsCross) {
    const auto one = connect(domid{1}), two = connect(domid{2});
    const auto granted = one->share(domid{2}, 16, read_write);
    std::vector<std::byte> bytes(16 * page_size, std::byte{5});
    std::vector<copy_segment> segments;
    for (std::size_t i = 0; i < 5000; ++i)
        segments.push_back({bytes.data() + i,
                            granted_memory{domid{1}, granted.references()[i % 16],
                                           static_cast<std::uint16_t>(i / 16)},
                            1});
    segments.push_back({bytes.data(), granted_memory{domid{1}, grant_ref{9999}}, 1});
    two->copy(segments);
    for (std::size_t i = 0; i < 5000; ++i)
        ASSERT_EQ(segments[i].status, grant_status::okay) << i;
    EXPECT_EQ(segments.back().status, grant_status::bad_grant_reference);
    EXPECT_EQ(granted.bytes()[15 * page_size + 100], std::byte{5});
    EXPECT_EQ(granted.bytes()[15 * page_size + 1000], std::byte{0});
}

TEST_F(LocalServer, KilledProgramsPageIsClearedAndItsPeerIsTold) {
    const auto one = connect(domid{1});
    const auto granted = one->share(domid{2}, 1, read_write);
    granted.bytes()[100] = std::byte{1};
    const auto channel = one->open_event_channel();
    error_code ec;
    const auto offered = channel->bind_unbound(domid{2}, ec);
    for (int round = 0; round < 2; ++round) { // the port is there for the next one
        peer_process peer{{directory, "2", "hold", "1", text(granted.references()[0].value), "100",
                           text(offered.value)}};
        ASSERT_GE(peer.wait_ready(), 1);
        EXPECT_EQ(granted.bytes()[0], std::byte{42});
        EXPECT_EQ(statistics().of(domid{2}).pages_mapped, 1u);
        EXPECT_TRUE(pending(*channel).empty());
        granted.bytes()[100] = std::byte{1};
        peer.kill();
        ASSERT_TRUE(becomes_readable(channel->native_handle()));
        EXPECT_EQ(pending(*channel), std::vector{offered});
        EXPECT_EQ(granted.bytes()[100], std::byte{0});
        channel->unmask(offered, ec);
    }
}

TEST_F(LocalServer, RevokeIsBusyUntilTheOtherProcessEnds) {
    const auto one = connect(domid{1});
    auto granted = one->share(domid{2}, 1, read_write);
    const auto channel = one->open_event_channel();
    error_code ec;
    const auto offered = channel->bind_unbound(domid{2}, ec);
    peer_process peer{{directory, "2", "hold", "1", text(granted.references()[0].value), "100",
                       text(offered.value)}};
    ASSERT_GE(peer.wait_ready(), 1);
    EXPECT_EQ(granted.end(), grant_end::busy);
    peer.finish();
    EXPECT_TRUE(eventually([&] { return granted.end() == grant_end::ended; }));
}

TEST_F(LocalServer, DestroyedDomainsPeerHearsNothingAndGetsItsPagesBack) {
    const auto one = connect(domid{1});
    auto granted = one->share(domid{2}, 1, read_write);
    granted.bytes()[100] = std::byte{1};
    const auto channel = one->open_event_channel();
    error_code ec;
    const auto offered = channel->bind_unbound(domid{2}, ec);
    peer_process peer{{directory, "2", "hold", "1", text(granted.references()[0].value), "100",
                       text(offered.value)}};
    ASSERT_GE(peer.wait_ready(), 1);
    local::control{directory}.destroy(domid{2});
    EXPECT_EQ(granted.end(), grant_end::ended);
    peer.kill();
    EXPECT_TRUE(eventually([this] { return statistics().of(domid{2}).processes == 0; }));
    EXPECT_TRUE(pending(*channel).empty());
}

TEST_F(LocalServer, PagesThatADestroyedDomainGrantedStayReadable) {
    const auto one = connect(domid{1});
    peer_process peer{{directory, "2", "share", "1", "3"}};
    const auto reference = peer.wait_ready();
    ASSERT_GE(reference, 8);
    const std::array grants{foreign_grant{domid{2}, grant_ref{static_cast<unsigned>(reference)}}};
    const auto mapped = one->map<read_only>(grants);
    local::control{directory}.destroy(domid{2});
    peer.kill();
    EXPECT_EQ(mapped.bytes()[0], std::byte{43});
    error_code ec;
    EXPECT_FALSE(one->map<read_only>(grants, {}, ec));
    EXPECT_EQ(ec, grant_status::bad_domain);
}

TEST_F(LocalServer, QuotaIsSharedByTheProcessesOfADomain) {
    peer_process peer{{directory, "1", "share", "2", "1000"}};
    ASSERT_GE(peer.wait_ready(), 8);
    const auto one = connect(domid{1});
    error_code ec;
    EXPECT_FALSE(one->share(domid{2}, 25, read_only, {}, ec));
    EXPECT_EQ(ec, errc::grant_limit);
    EXPECT_TRUE(one->share(domid{2}, 24, read_only, {}, ec));
    peer.kill();
    EXPECT_TRUE(eventually([&] { return bool(one->share(domid{2}, 1024, read_only, {}, ec)); }));
}

TEST_F(LocalServer, TransactionsAreSharedByTheProcessesOfADomain) {
    peer_process peer{{directory, "1", "begin", "9"}};
    ASSERT_EQ(peer.wait_ready(), 9);
    boost::asio::io_context unused;
    const auto one = connect(domid{1});
    store own{unused.get_executor(), one->open_store()};
    const auto tenth = own.begin();
    error_code ec;
    own.begin(ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    peer.kill();
    EXPECT_TRUE(eventually([&] {
        own.begin(ec);
        return !ec;
    }));
}

TEST_F(LocalServer, DestroyedDomainsProgramsAreTold) {
    const auto one = connect(domid{1});
    const auto channel = one->open_event_channel();
    local::control{directory}.destroy(domid{1});
    EXPECT_TRUE(becomes_readable(channel->native_handle()));
    error_code ec;
    std::array<port, 1> none;
    channel->read_pending(none, ec);
    EXPECT_EQ(ec, errc::domain_destroyed);
    EXPECT_FALSE(one->share(domid{2}, 1, read_only, {}, ec));
    EXPECT_EQ(ec, errc::domain_destroyed);
}

TEST_F(LocalServer, FaultsOfTheSpecificationStrike) {
    const auto one = connect(domid{1}, "share:2:EPERM");
    error_code ec;
    EXPECT_TRUE(one->share(domid{2}, 1, read_only, {}, ec));
    EXPECT_FALSE(one->share(domid{2}, 1, read_only, {}, ec));
    EXPECT_EQ(ec, errno_code(EPERM));
    EXPECT_FALSE(local::connect({directory, domid{1}, "nonsense", {}}, ec));
    EXPECT_EQ(ec, errc::bad_specification);
}

TEST_F(LocalServer, EachDomainHasItsOwnViewOfTheStore) {
    const auto one = connect(domid{1}), two = connect(domid{2});
    boost::asio::io_context unused;
    store first{unused.get_executor(), one->open_store()};
    store second{unused.get_executor(), two->open_store()};
    first.write("data/x", "of one");
    second.write("data/x", "of two");
    EXPECT_EQ(first.read("/local/domain/1/data/x"), "of one");
    EXPECT_EQ(second.read("data/x"), "of two");
    error_code ec;
    second.write("/local/domain/1/data/x", "theft", ec);
    EXPECT_EQ(ec, errno_code(EACCES));
    const auto path = local::store_socket_path(directory, domid{1});
    EXPECT_TRUE(std::filesystem::is_socket(path));
    EXPECT_TRUE(std::filesystem::is_socket(local::store_socket_path(directory, domid{0})));
    local::control{directory}.destroy(domid{1});
    EXPECT_FALSE(std::filesystem::exists(path));
    first.read("data/x", ec);
    EXPECT_EQ(ec, errc::store_gone);
}

TEST_F(LocalServer, NonsenseIsRefusedAndHarmsNobodyElse) {
    const auto one = connect(domid{1});
    error_code ec;
    for (std::uint32_t what = 0; what < 20; ++what) {
        const auto socket = local::connect_packets(local::hypervisor_socket_path(directory), ec);
        local::packet_writer cut_short;
        cut_short.put(what).put(std::uint8_t{7});
        local::send_packet(socket, cut_short, ec);
        auto answer = local::receive_packet(socket, ec);
        ASSERT_FALSE(ec) << what << ec.message();
        if (what != static_cast<std::uint32_t>(local::request_number::statistics)) {
            EXPECT_EQ(answer.get_error(), errc::protocol_violation) << what;
        }
    }
    EXPECT_TRUE(one->share(domid{2}, 1, read_only, {}, ec));
}

} // namespace
} // namespace xenring::test
