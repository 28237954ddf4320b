// The store as two domains see it.
#include "two_domains.hpp"

#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <cerrno>

namespace xenring::conformance {
namespace {

using namespace std::chrono_literals;

class shared_store : public two_domains {
protected:
    void SetUp() override {
        two_domains::SetUp();
        if (HasFatalFailure())
            return;
        shared_ = far().home() + "data/conformance/shared";
        private_ = "/conformance-private";
        near_store().write(private_, "not for guests");
        near_store().set_permissions(private_, {{near().self(), store_access::none}});
    }
    void TearDown() override {
        if (!shared_.empty()) {
            near_store().remove(shared_);
            near_store().remove(private_);
        }
        two_domains::TearDown();
    }
    /// Waits until the watch fired and `done` holds; other events may come before.
    static bool fires_until(store_watch& watch, const std::function<bool()>& done) {
        error_code ec;
        while (!ec && !done())
            watch.wait_for(patience, ec);
        return !ec;
    }

    std::string shared_;
    std::string private_;
};

TEST_F(shared_store, RelativePathIsUnderTheOwnHome) {
    far().store_write("data/conformance/shared", "mine");
    EXPECT_EQ(near_store().read(shared_), "mine");
    near_store().write(shared_, "yours");
    EXPECT_EQ(far().store_read("data/conformance/shared"), "yours");
}

TEST_F(shared_store, DomidTellsEachDomainItsNumber) {
    EXPECT_EQ(near_store().read("domid"), std::to_string(near().self().value));
    EXPECT_EQ(far().store_read("domid"), std::to_string(far().id().value));
}

TEST_F(shared_store, ValueIsBytes) {
    const std::string value{"a\0b \xff", 5};
    far().store_write("data/conformance/shared", value);
    EXPECT_EQ(near_store().read(shared_), value);
}

TEST_F(shared_store, MissingNodeIsENOENT) {
    EXPECT_EQ(code_of([&] { near_store().read(shared_ + "/none"); }), errno_code(ENOENT));
    EXPECT_FALSE(near_store().exists(shared_ + "/none"));
}

TEST_F(shared_store, DirectoryListsTheChildren) {
    far().store_write("data/conformance/shared/a", "");
    far().store_write("data/conformance/shared/b", "");
    auto names = near_store().directory(shared_);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
}

TEST_F(shared_store, FreshWatchFiresAtOnce) {
    auto watch = near_store().watch(shared_);
    error_code ec;
    EXPECT_EQ(watch.wait_for(patience, ec), shared_);
    EXPECT_FALSE(ec) << ec.message();
}

TEST_F(shared_store, WatchFiresWhenThePeerWrites) {
    auto watch = near_store().watch(shared_);
    watch.wait_for(patience);
    far().store_write("data/conformance/shared", "news");
    EXPECT_TRUE(fires_until(watch, [&] {
        return near_store().exists(shared_) && near_store().read(shared_) == "news";
    }));
}

TEST_F(shared_store, WatchFiresForWhatIsUnderneath) {
    near_store().write(shared_, "");
    auto watch = near_store().watch(shared_);
    watch.wait_for(patience);
    far().store_write("data/conformance/shared/deep/er", "x");
    EXPECT_TRUE(fires_until(watch, [&] { return near_store().exists(shared_ + "/deep/er"); }));
}

TEST_F(shared_store, WatchFiresWhenTheNodeIsRemoved) {
    far().store_write("data/conformance/shared", "for now");
    auto watch = near_store().watch(shared_);
    watch.wait_for(patience);
    far().store_remove("data/conformance/shared");
    EXPECT_TRUE(fires_until(watch, [&] { return !near_store().exists(shared_); }));
}

TEST_F(shared_store, WatchFiresWhenTheParentIsRemoved) {
    far().store_write("data/conformance/shared/child", "for now");
    auto watch = near_store().watch(shared_ + "/child");
    watch.wait_for(patience);
    far().store_remove("data/conformance/shared");
    EXPECT_TRUE(fires_until(watch, [&] { return !near_store().exists(shared_ + "/child"); }));
}

// Linux' device hangs, and its whole domain with it, if a watch overtakes an answer.
TEST_F(shared_store, WatchesComeAndGoBesideRequests) {
    far().store_write("data/conformance/shared", "x");
    far().store_crowd("data/conformance/shared", 300);
    EXPECT_EQ(far().store_read("data/conformance/shared"), "x");
}

TEST_F(shared_store, NodesStayWhenTheirWritersProcessDies) {
    far().store_write("data/conformance/shared", "left behind");
    far().kill();
    EXPECT_EQ(near_store().read(shared_), "left behind");
}

TEST_F(shared_store, ConflictingTransactionRunsAgain) {
    near_store().write(shared_, "1");
    int runs = 0;
    transact(near_store(), [&](store_transaction& step, error_code& ec) {
        const auto value = std::stoi(step.read(shared_, ec));
        if (++runs == 1)
            far().store_write("data/conformance/shared", "10");
        step.write(shared_, std::to_string(value + 1), ec);
    });
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(near_store().read(shared_), "11");
}

TEST_F(shared_store, AbortedTransactionLeavesNothing) {
    {
        auto step = near_store().begin();
        step.write(shared_, "never");
        EXPECT_TRUE(step.exists(shared_));
        EXPECT_FALSE(near_store().exists(shared_));
    }
    EXPECT_FALSE(near_store().exists(shared_));
}

// xenstored's defaults: 1000 nodes, 128 watches, 10 transactions. A guest's kernel and tools have
// some of the nodes and watches; and xenstored 4.17 lets a domain have one watch and one
// transaction more than it says.
TEST_F(shared_store, NodesOfAGuestAreBounded) {
    const auto nodes = far().store_exhaust("nodes", "data/conformance/shared", 1500);
    EXPECT_EQ(nodes.refused, errno_code(ENOSPC));
    const auto directories = nodes.count / 50 + 1;
    EXPECT_GT(nodes.count + directories, 850U);
    EXPECT_LE(nodes.count + directories, 1000U);
    EXPECT_FALSE(near_store().exists(shared_));
    far().store_write("data/conformance/shared", "there is room again");
}

TEST_F(shared_store, WatchesOfAGuestAreBounded) {
    for (int round = 0; round != 2; ++round) { // it gets them back
        const auto watches = far().store_exhaust("watches", "data/conformance/shared", 200);
        EXPECT_EQ(watches.refused, errno_code(E2BIG));
        EXPECT_GT(watches.count, 100U);
        EXPECT_LE(watches.count, 129U);
    }
}

TEST_F(shared_store, TransactionsOfAGuestAreBounded) {
    for (int round = 0; round != 2; ++round) {
        const auto transactions = far().store_exhaust("transactions", "data", 20);
        EXPECT_EQ(transactions.refused, errno_code(ENOSPC));
        EXPECT_GE(transactions.count, 10U);
        EXPECT_LE(transactions.count, 11U);
    }
}

TEST_F(shared_store, QuotasDoNotBindTheControlDomain) {
    std::vector<store_watch> watches;
    std::vector<store_transaction> transactions;
    for (int each = 0; each != 150; ++each)
        watches.push_back(near_store().watch(shared_));
    for (int each = 0; each != 20; ++each)
        transactions.push_back(near_store().begin());
}

TEST_F(shared_store, GuestMayNeitherReadNorWriteWhatIsNotForIt) {
    EXPECT_EQ(code_of([&] { far().store_read(private_); }), errno_code(EACCES));
    EXPECT_EQ(code_of([&] { far().store_write(private_, "mine now"); }), errno_code(EACCES));
    EXPECT_EQ(near_store().read(private_), "not for guests");
    // Of its own home, too, a guest may write only what was made over to it.
    EXPECT_EQ(code_of([&] { far().store_write("conformance", ""); }), errno_code(EACCES));
}

TEST_F(shared_store, PermissionsLetThePeerIn) {
    near_store().set_permissions(
        private_, {{near().self(), store_access::none}, {far().id(), store_access::read}});
    EXPECT_EQ(far().store_read(private_), "not for guests");
    EXPECT_EQ(code_of([&] { far().store_write(private_, "x"); }), errno_code(EACCES));
    near_store().set_permissions(
        private_, {{near().self(), store_access::none}, {far().id(), store_access::both}});
    far().store_write(private_, "for both");
    EXPECT_EQ(near_store().read(private_), "for both");
}

TEST_F(shared_store, NodesWrittenWithPermissionsAreReadableByThePeer) {
    const store_entry entry{
        private_,
        "letter",
        {{near().self(), store_access::none}, {far().id(), store_access::read}}};
    write_with_permissions(near_store(), {&entry, 1});
    EXPECT_EQ(far().store_read(private_), "letter");
    EXPECT_EQ(near_store().get_permissions(private_), entry.permissions);
}

} // namespace
} // namespace xenring::conformance
