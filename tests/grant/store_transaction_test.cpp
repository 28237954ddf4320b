#include "store_fixture.hpp"

#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <array>
#include <stdexcept>
#include <thread>
#include <vector>

namespace xenring {
namespace {

using namespace std::chrono_literals;
using store_wire::message_type;

constexpr transact_options quick{20, 1us, 10us};

class StoreTransaction : public store_fixture {
protected:
    store own = connect(1);
    store control = connect(0);

    std::size_t open_transactions() { return server->used().transactions; }
};

TEST_F(StoreTransaction, IsSeenAllAtOnceOrNotAtAll) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    store_transaction transaction = own.begin();
    transaction.write("data/a", "1");
    transaction.write("data/b", "2");
    EXPECT_EQ(transaction.read("data/a"), "1");
    EXPECT_FALSE(own.exists("data/a"));
    error_code ec;
    watch.wait_for(0ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
    transaction.commit();
    EXPECT_EQ(own.read("data/a"), "1");
    EXPECT_EQ(own.read("data/b"), "2");
    EXPECT_EQ(watch.wait_for(0ms), "data");
    EXPECT_FALSE(transaction.is_open());
    transaction.commit(ec);
    EXPECT_EQ(ec, errc::not_connected);
}

TEST_F(StoreTransaction, IsForgottenWhenDestroyedOrAborted) {
    {
        store_transaction destroyed = own.begin();
        destroyed.write("data/a", "1");
        store_transaction aborted = own.begin();
        aborted.write("data/a", "2");
        aborted.abort();
        EXPECT_EQ(open_transactions(), 1u);
    }
    EXPECT_EQ(open_transactions(), 0u);
    EXPECT_FALSE(own.exists("data/a"));
}

TEST_F(StoreTransaction, ConflictsWithAChangeOfWhatItRead) {
    own.write("data/a", "1");
    store_transaction transaction = own.begin();
    EXPECT_EQ(transaction.read("data/a"), "1");
    transaction.write("data/b", "seen 1");
    control.write("/local/domain/1/data/a", "2");
    EXPECT_EQ(transaction.read("data/a"), "1"); // as it was
    error_code ec;
    transaction.commit(ec);
    EXPECT_EQ(ec, errno_code(EAGAIN));
    EXPECT_FALSE(own.exists("data/b"));
}

TEST_F(StoreTransaction, ConflictsWhenANodeThatWasMissedAppears) {
    store_transaction transaction = own.begin();
    EXPECT_FALSE(transaction.exists("data/a"));
    own.write("data/a", "");
    error_code ec;
    transaction.commit(ec);
    EXPECT_EQ(ec, errno_code(EAGAIN));
}

TEST_F(StoreTransaction, DoesNotMindChangesElsewhere) {
    own.write("data/a", "1");
    store_transaction transaction = own.begin();
    transaction.write("data/a", "2");
    control.write("/elsewhere", "x");
    transaction.commit();
    EXPECT_EQ(own.read("data/a"), "2");
}

TEST_F(StoreTransaction, TransactRunsTheBodyAgainAfterAConflict) {
    own.write("data/counter", "0");
    int runs = 0;
    transact(
        own,
        [&](store_transaction& transaction, error_code& ec) {
            const int value = std::stoi(transaction.read("data/counter", ec));
            if (++runs < 4)
                control.write("/local/domain/1/data/counter", std::to_string(value + 10));
            transaction.write("data/counter", std::to_string(value + 1), ec);
        },
        quick);
    EXPECT_EQ(runs, 4);
    EXPECT_EQ(own.read("data/counter"), "31");
    EXPECT_EQ(open_transactions(), 0u);
}

TEST_F(StoreTransaction, TransactGivesUpWithANamedError) {
    own.write("data/a", "");
    int runs = 0;
    error_code ec;
    transact(
        own,
        [&](store_transaction& transaction, error_code& failure) {
            transaction.read("data/a", failure);
            control.write("/local/domain/1/data/a", std::to_string(++runs));
        },
        ec, quick);
    EXPECT_EQ(ec, errc::transaction_conflict);
    EXPECT_EQ(runs, 20);
    EXPECT_EQ(open_transactions(), 0u);
}

TEST_F(StoreTransaction, AnErrorOrExceptionOfTheBodyAborts) {
    error_code ec;
    transact(
        own,
        [](store_transaction& transaction, error_code& failure) {
            transaction.write("data/a", "1", failure);
            transaction.read("data/missing", failure);
        },
        ec);
    EXPECT_EQ(ec, enoent());
    EXPECT_THROW(transact(own,
                          [](store_transaction& transaction, error_code& failure) {
                              transaction.write("data/a", "1", failure);
                              throw std::runtime_error{"no"};
                          }),
                 std::runtime_error);
    EXPECT_FALSE(own.exists("data/a"));
    EXPECT_EQ(open_transactions(), 0u);
}

TEST_F(StoreTransaction, TransactWaitsForTheQuotaAndKeepsItsErrno) {
    std::vector<store_transaction> held;
    for (int each = 0; each < 10; ++each)
        held.push_back(own.begin());
    error_code ec;
    own.begin(ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    int runs = 0;
    const auto body = [&runs](store_transaction&, error_code&) { ++runs; };
    transact(own, body, ec, quick);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_EQ(runs, 0);

    held.clear();
    server->fail_nth(message_type::transaction_start, 1, "EQUOTA"); // as oxenstored says it
    transact(own, body, ec, quick);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_EQ(runs, 1);
}

TEST_F(StoreTransaction, ManyThreadsCountWithoutLosingAStep) {
    own.write("data/counter", "0");
    constexpr int threads = 4;
    constexpr int steps = 25;
    std::vector<std::thread> workers;
    for (int each = 0; each < threads; ++each)
        workers.emplace_back([this] {
            for (int step = 0; step < steps; ++step)
                transact(own,
                         [](store_transaction& transaction, error_code& ec) {
                             const std::string value = transaction.read("data/counter", ec);
                             if (!ec)
                                 transaction.write("data/counter",
                                                   std::to_string(std::stoi(value) + 1), ec);
                         },
                         {1000, 1us, 1ms});
        });
    for (auto& worker : workers)
        worker.join();
    EXPECT_EQ(own.read("data/counter"), std::to_string(threads * steps));
}

TEST_F(StoreTransaction, WritesNodesThatNobodySeesBeforeTheirPermissions) {
    const store_permissions for_peer{{domid{1}, store_access::none},
                                     {domid{2}, store_access::read}};
    const std::array<store_entry, 2> entries{store_entry{"data/ring-ref", "8", for_peer},
                                             store_entry{"data/event-channel", "3", for_peer}};
    store peer = connect(2);
    store_watch seen = peer.watch("/local/domain/1/data");
    seen.wait_for(0ms);
    write_with_permissions(own, entries);
    EXPECT_EQ(seen.wait_for(0ms), "/local/domain/1/data");
    EXPECT_EQ(peer.read("/local/domain/1/data/ring-ref"), "8");
    EXPECT_EQ(own.get_permissions("data/event-channel"), for_peer);
}

TEST_F(StoreTransaction, WritingANodeAnewLeavesNothingOfTheOldOne) {
    own.write("data/x/child", "left over");
    own.set_permissions("data/x", {{domid{1}, store_access::both}});
    const store_permissions own_only{{domid{1}, store_access::none}};
    const std::array<store_entry, 1> entries{store_entry{"data/x", "new", own_only}};
    write_with_permissions(own, entries);
    EXPECT_EQ(own.read("data/x"), "new");
    EXPECT_TRUE(own.directory("data/x").empty());
    EXPECT_EQ(own.get_permissions("data/x"), own_only);
}

TEST_F(StoreTransaction, NoStepThatFailsLeavesAnythingBehind) {
    const std::array<store_entry, 1> entries{
        store_entry{"data/x", "v", {{domid{1}, store_access::none}}}};
    for (const auto step :
         {message_type::transaction_start, message_type::read, message_type::write,
          message_type::set_permissions, message_type::transaction_end}) {
        server->fail_nth(step, 1, "EIO");
        error_code ec;
        write_with_permissions(own, entries, ec);
        EXPECT_EQ(ec, errno_code(EIO));
        EXPECT_FALSE(own.exists("data/x"));
        EXPECT_EQ(open_transactions(), 0u);
    }
}

} // namespace
} // namespace xenring
