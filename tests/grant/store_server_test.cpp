#include "store_fixture.hpp"

#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <array>
#include <optional>
#include <vector>

namespace xenring {
namespace {

using namespace std::chrono_literals;
using store_wire::join;
using store_wire::message_type;

class StoreServer : public store_fixture {
protected:
    store control = connect(0);
    store one = connect(1);
    store two = connect(2);

    error_code read_error(store& who, const std::string& path) {
        error_code ec;
        who.read(path, ec);
        return ec;
    }
    error_code write_error(store& who, const std::string& path) {
        error_code ec;
        who.write(path, "x", ec);
        return ec;
    }
};

TEST_F(StoreServer, ADomainMayReadWhatDescribesItAndWriteWhatIsItsOwn) {
    EXPECT_EQ(one.read("domid"), "1");
    EXPECT_EQ(one.directory("/local/domain/1"),
              (std::vector<std::string>{"attr", "control", "data", "device", "domid", "drivers",
                                        "error", "feature", "name"}));
    EXPECT_EQ(write_error(one, "domid"), eacces());
    EXPECT_EQ(write_error(one, "new"), eacces());
    EXPECT_FALSE(write_error(one, "data/new"));
    EXPECT_FALSE(write_error(one, "control/shutdown"));
}

TEST_F(StoreServer, ADomainMayNotSeeAnothersNodes) {
    one.write("data/secret", "x");
    EXPECT_EQ(read_error(two, "/local/domain/1/data/secret"), eacces());
    // Nor learn whether a node is there.
    EXPECT_EQ(read_error(two, "/local/domain/1/data/missing"), eacces());
    EXPECT_EQ(read_error(one, "data/missing"), enoent());
    EXPECT_EQ(control.read("/local/domain/1/data/secret"), "x");
}

TEST_F(StoreServer, ADomainOwnsWhatItMakesAndTheRestIsInherited) {
    control.mkdir("/shared");
    control.set_permissions("/shared",
                            {{domid{0}, store_access::none}, {domid{1}, store_access::both}});
    one.write("/shared/a/b", "x");
    const store_permissions expected{{domid{1}, store_access::none},
                                     {domid{1}, store_access::both}};
    EXPECT_EQ(one.get_permissions("/shared/a"), expected);
    EXPECT_EQ(one.get_permissions("/shared/a/b"), expected);
    EXPECT_EQ(server->used_by(domid{1}).nodes, 6u + 2u);
    control.write("/shared/c", "x");
    EXPECT_EQ(control.get_permissions("/shared/c").front().domain, domid{0});
}

TEST_F(StoreServer, TheFirstEntryIsEveryonesDefault) {
    one.write("data/x", "v");
    one.set_permissions("data/x", {{domid{1}, store_access::read}, {domid{2}, store_access::none}});
    server->introduce(domid{3});
    store three = connect(3);
    EXPECT_EQ(three.read("/local/domain/1/data/x"), "v");
    EXPECT_EQ(read_error(two, "/local/domain/1/data/x"), eacces());
    EXPECT_EQ(write_error(three, "/local/domain/1/data/x"), eacces());
}

TEST_F(StoreServer, OnlyTheOwnerSetsPermissionsAndOnlyDomain0GivesNodesAway) {
    one.write("data/x", "v");
    error_code ec;
    two.set_permissions("/local/domain/1/data/x", {{domid{2}, store_access::none}}, ec);
    EXPECT_EQ(ec, eacces());
    one.set_permissions("data/x", {{domid{2}, store_access::none}}, ec);
    EXPECT_EQ(ec, errno_code(EPERM));
    control.set_permissions("/local/domain/1/data/x", {{domid{2}, store_access::none}}, ec);
    EXPECT_FALSE(ec);
    EXPECT_EQ(read_error(one, "data/x"), eacces());
}

TEST_F(StoreServer, PermissionsMayNameAMissingDomainButNotAsOwner) {
    control.write("/x", "v");
    error_code ec;
    control.set_permissions("/x", {{domid{77}, store_access::none}}, ec);
    EXPECT_EQ(ec, enoent());
    control.set_permissions("/x", {{domid{0}, store_access::none}, {domid{77}, store_access::read}},
                            ec);
    EXPECT_FALSE(ec);
    // A domain that gets the number later has no right by it.
    server->introduce(domid{77});
    store later = connect(77);
    EXPECT_EQ(read_error(later, "/x"), eacces());
}

TEST_F(StoreServer, AReleasedDomainLeavesNothing) {
    control.write("/elsewhere/mine", "x");
    control.set_permissions("/elsewhere/mine", {{domid{1}, store_access::none}});
    one.write("/elsewhere/mine/below", "x");
    two.write("data/x", "for one");
    two.set_permissions("data/x", {{domid{2}, store_access::none}, {domid{1}, store_access::read}});
    store_watch watch = control.watch("/local/domain/1/data");
    watch.wait_for(0ms);
    const store_watch held = one.watch("data");
    store_transaction open = one.begin();

    server->release(domid{1});
    EXPECT_EQ(read_error(one, "data"), errc::store_gone);
    EXPECT_EQ(watch.wait_for(0ms), "/local/domain/1/data");
    EXPECT_FALSE(control.exists("/local/domain/1"));
    EXPECT_FALSE(control.exists("/elsewhere/mine"));
    EXPECT_EQ(server->used_by(domid{1}).nodes, 0u);
    EXPECT_EQ(server->used_by(domid{1}).watches, 0u);
    EXPECT_EQ(server->used_by(domid{1}).transactions, 0u);

    server->introduce(domid{1}); // the number again, another domain (XSA-322)
    store again = connect(1);
    EXPECT_EQ(read_error(again, "/local/domain/2/data/x"), eacces());
    const store_permissions as_set{{domid{2}, store_access::none}, {domid{1}, store_access::read}};
    EXPECT_EQ(control.get_permissions("/local/domain/2/data/x"), as_set); // yet it stays listed
    EXPECT_FALSE(again.exists("data/anything"));
}

TEST_F(StoreServer, AConnectionOfAnUnknownDomainEndsAtOnce) {
    store nobody = connect(55);
    EXPECT_EQ(read_error(nobody, "domid"), errc::store_gone);
}

TEST_F(StoreServer, ADomainHearsOnlyOfWhatItMayRead) {
    one.mkdir("data/private");
    one.write("data/public", "");
    one.set_permissions("data/public",
                        {{domid{1}, store_access::none}, {domid{2}, store_access::read}});
    store_watch watch = two.watch("/local/domain/1");
    watch.wait_for(0ms);
    error_code ec;
    one.write("data/private/x", "1");
    watch.wait_for(0ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
    one.write("data/public", "1");
    EXPECT_EQ(watch.wait_for(0ms), "/local/domain/1/data/public");
    // Losing the right to read is the last that is heard.
    one.set_permissions("data/public", {{domid{1}, store_access::none}});
    EXPECT_EQ(watch.wait_for(0ms), "/local/domain/1/data/public");
    one.write("data/public", "2");
    watch.wait_for(0ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
}

TEST_F(StoreServer, RemovingATreeIsHeardBelowAndAbove) {
    one.write("data/dir/leaf", "");
    store_watch above = one.watch("data");
    store_watch below = one.watch("data/dir/leaf");
    store_watch beside = one.watch("data/directory");
    for (store_watch* each : {&above, &below, &beside})
        each->wait_for(0ms);
    one.remove("data/dir");
    EXPECT_EQ(above.wait_for(0ms), "data/dir");
    EXPECT_EQ(below.wait_for(0ms), "data/dir/leaf");
    error_code ec;
    beside.wait_for(0ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
}

TEST_F(StoreServer, SpecialWatchesAreDomain0sUntilItSharesThem) {
    store_watch watch = one.watch("@releaseDomain");
    watch.wait_for(0ms);
    error_code ec;
    server->introduce(domid{8});
    server->release(domid{8});
    watch.wait_for(0ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
    one.set_permissions("@releaseDomain", {{domid{1}, store_access::none}}, ec);
    EXPECT_EQ(ec, eacces());
    control.set_permissions("@releaseDomain",
                            {{domid{0}, store_access::none}, {domid{1}, store_access::read}});
    server->introduce(domid{8});
    server->release(domid{8});
    EXPECT_EQ(watch.wait_for(0ms), "@releaseDomain");
}

class StoreQuota : public store_fixture {
protected:
    StoreQuota() : store_fixture{{20, 3, 2, 8, 256, 2, 20}} {}
    store own = connect(1);
    error_code ec;
};

TEST_F(StoreQuota, BoundsNodes) {
    int made = 0;
    for (; !ec && made < 100; ++made)
        own.write("data/" + std::to_string(made), "", ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_EQ(server->used_by(domid{1}).nodes, 20u);
    own.remove("data/0", ec);
    own.write("data/again", "", ec);
    EXPECT_FALSE(ec);
    own.write("data/deep/er", "", ec); // both or none
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_EQ(server->used_by(domid{1}).nodes, 20u);
}

TEST_F(StoreQuota, BoundsNodesInATransactionToo) {
    store_transaction transaction = own.begin();
    for (int made = 0; !ec && made < 100; ++made)
        transaction.write("data/" + std::to_string(made), "", ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    transaction.commit(ec);
    EXPECT_LE(server->used_by(domid{1}).nodes, 20u);
}

TEST_F(StoreQuota, BoundsWatches) {
    std::vector<store_watch> watches;
    for (int each = 0; each < 3; ++each)
        watches.push_back(own.watch("data"));
    own.watch("data", ec);
    EXPECT_EQ(ec, errno_code(E2BIG));
    watches.pop_back();
    watches.push_back(own.watch("data"));
}

TEST_F(StoreQuota, BoundsTransactions) {
    store_transaction first = own.begin();
    const store_transaction second = own.begin();
    own.begin(ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    first.abort();
    own.begin(ec);
    EXPECT_FALSE(ec);
}

TEST_F(StoreQuota, WatchesAreSharedByTheConnectionsOfADomain) {
    std::optional<store> other = connect(1);
    const store_watch mine = own.watch("data");
    std::vector<store_watch> theirs;
    theirs.push_back(other->watch("data"));
    theirs.push_back(other->watch("data"));
    own.watch("data", ec);
    EXPECT_EQ(ec, errno_code(E2BIG));
    other->watch("data", ec);
    EXPECT_EQ(ec, errno_code(E2BIG));
    connect(2).watch("data", ec);
    EXPECT_FALSE(ec) << "another domain has its own";
    other.reset(); // first, so that it is the connection that ends and not each watch
    theirs.clear();
    const std::array again{own.watch("data"), own.watch("data")};
}

TEST_F(StoreQuota, TransactionsAreSharedByTheConnectionsOfADomain) {
    std::optional<store> other = connect(1);
    const store_transaction mine = own.begin();
    std::optional<store_transaction> theirs = other->begin();
    own.begin(ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    connect(2).begin(ec);
    EXPECT_FALSE(ec) << "another domain has its own";
    other.reset();
    theirs.reset();
    own.begin(ec);
    EXPECT_FALSE(ec);
}

TEST_F(StoreQuota, BoundsTheSizeOfANodeAndItsPermissions) {
    own.write("data/x", std::string(150, 'v'), ec);
    EXPECT_FALSE(ec);
    own.write("data/x", std::string(256, 'v'), ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_EQ(own.read("data/x").size(), 150u);
    const store_permissions three(3, {domid{1}, store_access::none});
    own.set_permissions("data/x", three, ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
}

TEST_F(StoreQuota, DoesNotBindDomain0) {
    store control = connect(0);
    std::vector<store_watch> watches;
    std::vector<store_transaction> transactions;
    for (int each = 0; each < 30; ++each) {
        control.write("/mine/" + std::to_string(each), std::string(500, 'v'));
        watches.push_back(control.watch("/mine"));
        transactions.push_back(control.begin());
    }
    SUCCEED();
}

TEST_F(StoreQuota, StopsReadingAClientThatTakesNoAnswers) {
    const auto id = server->open(domid{1}, [] {});
    std::vector<std::byte> request;
    store_wire::encode({message_type::read, 1, 0, join({"domid"})}, request);
    int sent = 0;
    for (; server->accepts_input(id) && sent < 100; ++sent)
        server->receive(id, request);
    EXPECT_EQ(sent, 20);
    server->receive(id, request); // kept, and answered once there is room
    std::array<std::byte, 4096> answers;
    std::size_t total = 0;
    while (const std::size_t count = server->read(id, answers))
        total += count;
    EXPECT_EQ(total, 21 * (store_wire::header_size + 1));
    server->close(id);
}

/// Requests as a hostile client may send them.
class StoreHostile : public store_fixture {
protected:
    std::string error_of(message_type type, std::uint32_t transaction, std::string payload,
                         std::uint16_t domain = 1) {
        const auto id = server->open(domid{domain}, [] {});
        std::vector<std::byte> bytes;
        store_wire::encode({type, 42, transaction, std::move(payload)}, bytes);
        server->receive(id, bytes);
        bytes.assign(8192, std::byte{});
        bytes.resize(server->read(id, bytes));
        server->close(id);
        store_wire::decoder decoder;
        decoder.feed(bytes);
        error_code ec;
        const auto answer = decoder.next(ec);
        EXPECT_TRUE(answer);
        EXPECT_EQ(answer->request, 42u);
        return answer->type == message_type::error ? answer->payload.c_str() : "";
    }
};

TEST_F(StoreHostile, GetsAnErrorForEveryMalformedRequest) {
    const auto unknown = static_cast<message_type>(4711);
    EXPECT_EQ(error_of(unknown, 0, ""), "ENOSYS");
    EXPECT_EQ(error_of(message_type::watch_event, 0, join({"a", "b"})), "ENOSYS");
    EXPECT_EQ(error_of(message_type::read, 0, ""), "EINVAL");
    EXPECT_EQ(error_of(message_type::read, 0, "domid"), "EINVAL"); // no NUL
    EXPECT_EQ(error_of(message_type::read, 0, join({"domid", "x"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::read, 0, join({"/a/../b c"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::read, 7, join({"domid"})), "ENOENT"); // no such transaction
    EXPECT_EQ(error_of(message_type::write, 0, "data/x"), "EINVAL");
    EXPECT_EQ(error_of(message_type::watch, 0, join({"data"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::unwatch, 0, join({"data", "t"})), "ENOENT");
    EXPECT_EQ(error_of(message_type::set_permissions, 0, join({"data"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::set_permissions, 0, join({"data", "q1"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::set_permissions, 0, join({"@other", "n1"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::directory_part, 0, join({"data"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::directory_part, 0, join({"data", "-1"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::transaction_end, 0, join({"T"})), "ENOENT");
    EXPECT_EQ(error_of(message_type::get_domain_path, 0, join({"65536"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::remove, 0, join({"/"})), "EINVAL");
    EXPECT_EQ(error_of(message_type::control, 0, join({"log"})), "EACCES");
    EXPECT_EQ(error_of(message_type::control, 0, join({"log"}), 0), "ENOSYS");
    EXPECT_EQ(error_of(message_type::is_domain_introduced, 0, join({"1"})), "EACCES");
    EXPECT_EQ(error_of(message_type::is_domain_introduced, 0, join({"1"}), 0), "");
}

TEST_F(StoreHostile, IsDisconnectedForAnImpossibleLength) {
    const auto id = server->open(domid{1}, [] {});
    const std::array<std::uint32_t, 4> header{2, 1, 0, 4097};
    server->receive(id, std::as_bytes(std::span{header}));
    EXPECT_TRUE(server->has_ended(id));
    server->close(id);
}

} // namespace
} // namespace xenring
