#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/xenbus_directory.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cerrno>

namespace xenring {
namespace {

using enum ring::xenbus_state;

class XenbusDirectory : public testing::Test {
protected:
    XenbusDirectory() { make(); }

    /// What a toolstack makes.
    void make() { here.store().write("data/0/state", "1"); }
    std::string state() { return here.store().read("data/0/state"); }
    error_code write_key() {
        error_code ec;
        ours.write([](store_operations& inside,
                      error_code& problem) { inside.write("data/0/key", "value", problem); },
                   ec);
        return ec;
    }
    error_code write_state(ring::xenbus_state state) {
        error_code ec;
        ours.write_state(state, ec);
        return ec;
    }

    local::machine machine;
    boost::asio::io_context io;
    domain here{io.get_executor(), machine.open(domid{1})};
    xenbus_directory ours{here, "data/0"};
};

TEST_F(XenbusDirectory, IsWrittenWhileItIsOurs) {
    EXPECT_FALSE(write_key());
    EXPECT_EQ(here.store().read("data/0/key"), "value");
    EXPECT_FALSE(write_state(init_wait));
    EXPECT_FALSE(write_state(connected));
    EXPECT_EQ(state(), "4");
}

TEST_F(XenbusDirectory, OneThatIsGoneIsNotMadeAnew) {
    here.store().remove("data/0");
    const auto ec = write_state(init_wait);
    EXPECT_EQ(ec, errno_code(ENODEV));
    EXPECT_TRUE(is_lost(ec));
    EXPECT_TRUE(is_lost(write_key()));
    EXPECT_FALSE(here.store().exists("data/0"));
}

TEST_F(XenbusDirectory, OneThatWasMadeAnewIsSomebodyElses) {
    EXPECT_FALSE(write_state(connected));
    here.store().remove("data/0");
    make();
    EXPECT_TRUE(is_lost(write_state(closing)));
    EXPECT_TRUE(is_lost(write_key()));
    EXPECT_EQ(state(), "1");
    EXPECT_FALSE(here.store().exists("data/0/key"));
}

TEST_F(XenbusDirectory, AStateOf1IsOursAgainOnceItIsAdopted) {
    EXPECT_FALSE(write_state(closed));
    here.store().remove("data/0");
    make();
    ours.adopt(initialising);
    EXPECT_FALSE(write_state(initialising));
    EXPECT_FALSE(write_key()) << "1 was the state that we wrote";
}

TEST_F(XenbusDirectory, WhatWasFoundBeyond1Counts) {
    ours.adopt(connected);
    EXPECT_FALSE(ours.is_ours(initialising));
    EXPECT_TRUE(ours.is_ours(connected));
    EXPECT_TRUE(ours.is_ours(std::nullopt)) << "garbage is not a new device";
    EXPECT_FALSE(ours.is_ours(unknown));
}

TEST_F(XenbusDirectory, NothingOfABodyThatFailedIsSeen) {
    error_code ec;
    ours.write(
        [](store_operations& inside, error_code& problem) {
            inside.write("data/0/key", "value", problem);
            problem = errno_code(ENOSPC);
        },
        ec);
    EXPECT_EQ(ec, errno_code(ENOSPC));
    EXPECT_FALSE(is_lost(ec));
    EXPECT_FALSE(here.store().exists("data/0/key"));
}

TEST_F(XenbusDirectory, IsLostEvenIfItGoesWhileItIsWritten) {
    error_code ec;
    int runs = 0;
    ours.write(
        [&](store_operations& inside, error_code& problem) {
            if (++runs == 1)
                here.store().remove("data/0");
            inside.write("data/0/key", "value", problem);
        },
        ec);
    EXPECT_TRUE(is_lost(ec)) << ec.message();
    EXPECT_EQ(runs, 1) << "the second attempt saw that there was nothing to write into";
    EXPECT_FALSE(here.store().exists("data/0"));
}

TEST_F(XenbusDirectory, ReadsAStateOfAnyKind) {
    error_code trouble;
    EXPECT_EQ(ours.read_state(trouble), initialising);
    here.store().write("data/0/state", "four");
    EXPECT_EQ(ours.read_state(trouble), std::nullopt);
    here.store().remove("data/0");
    EXPECT_EQ(ours.read_state(trouble), unknown);
    EXPECT_FALSE(trouble) << trouble.message();
}

TEST_F(XenbusDirectory, AStateThatWeMayNotReadIsUnknown) {
    const domain other{io.get_executor(), machine.open(domid{2})};
    error_code trouble;
    EXPECT_EQ(read_xenbus_state(other.store(), "/local/domain/1/data/0", trouble), unknown);
    EXPECT_FALSE(trouble) << trouble.message();
}

TEST_F(XenbusDirectory, AnErrorOfTheStoreIsNoState) {
    machine.destroy(domid{1});
    error_code trouble;
    (void)ours.read_state(trouble);
    EXPECT_TRUE(trouble);
    EXPECT_FALSE(is_lost(write_state(closed)));
}

} // namespace
} // namespace xenring
