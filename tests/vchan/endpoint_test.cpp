// The steps before sleeping, one at a time: what comes between two of them is not slept over.
#include "raw_peer.hpp"

#include <xenring/vchan/endpoint.hpp>

#include <chrono>
#include <thread>

namespace xenring::vchan::test {
namespace {

using detail::endpoint;
using detail::need;
using detail::need_set;

class before_sleeping : public two_domains {
protected:
    before_sleeping() {
        error_code ec;
        auto opened = detail::open_server(*server_here, io.get_executor(), client_domain,
                                          "/local/domain/1/data/vchan/2/test", small(), ec);
        EXPECT_FALSE(ec);
        ours.emplace(std::move(opened), std::chrono::nanoseconds{0});
        peer.emplace(*client_program, client_here->store());
        peer->connect();
    }

    bool ready(need what) {
        error_code ec;
        return ours->ready(what, ec);
    }

    std::optional<endpoint> ours;
    std::optional<raw_client> peer;
};

TEST_F(before_sleeping, BytesThatComeBeforeWeAskAreSeenWhenWeAsk) {
    EXPECT_FALSE(ready(need::read));
    peer->write("x"); // we had not asked: no event comes of it
    EXPECT_TRUE(ours->arm(need::read));
    EXPECT_EQ(peer->get<std::uint8_t>(cli_notify) & 1, 1);
}

TEST_F(before_sleeping, WithNothingThereItIsTimeToSleep) {
    EXPECT_FALSE(ready(need::read));
    EXPECT_FALSE(ours->arm(need::read));
    EXPECT_FALSE(ours->arm(need::connected));
}

TEST_F(before_sleeping, SpaceThatComesBeforeWeAskIsSeenWhenWeAsk) {
    const std::string full(2048, 'f');
    const asio::const_buffer all = asio::buffer(full);
    error_code ec;
    EXPECT_EQ(ours->write(std::span{&all, 1}, ec), full.size());
    EXPECT_FALSE(ready(need::write));
    EXPECT_FALSE(ours->arm(need::write));
    peer->put<std::uint32_t>(right_cons, 1);
    EXPECT_TRUE(ours->arm(need::write));
    EXPECT_FALSE(ours->arm(need::drained)) << "one byte taken is not all";
    peer->put<std::uint32_t>(right_cons, 2048);
    EXPECT_TRUE(ours->arm(need::drained));
    need_set both{need::read};
    both.add(need::drained);
    EXPECT_TRUE(ours->arm(both));
}

TEST_F(before_sleeping, SpinningStopsAtOnceWhenThereIsSomething) {
    detail::spinner spinner{std::chrono::hours{1}};
    int looks = 0;
    EXPECT_TRUE(spinner.spin([&] { return ++looks == 100; }));
    EXPECT_EQ(looks, 100);
}

TEST_F(before_sleeping, SpinningThatNeverPaysCeases) {
    detail::spinner spinner{std::chrono::microseconds{20}};
    int looks = 0;
    for (int i = 0; i != 100; ++i)
        EXPECT_FALSE(spinner.spin([&] { return ++looks, false; }));
    looks = 0;
    for (int i = 0; i != 10; ++i) // of 32 sleeps one looks whether things have changed
        spinner.spin([&] { return ++looks, false; });
    EXPECT_EQ(looks, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    spinner.woken(); // too late for any spin
    spinner.paid();
    spinner.spin([&] { return ++looks, false; });
    EXPECT_EQ(looks, 0);
    detail::spinner off{std::chrono::nanoseconds{0}};
    EXPECT_FALSE(off.spin([] { return true; })) << "0 does not even look";
}

TEST_F(before_sleeping, SpinningGoesOnWhereALittleMoreOfItWouldHaveDone) {
    detail::spinner spinner{std::chrono::milliseconds{200}}; // compared with it this test is brief
    int looks = 0;
    do {
        looks = 0;
        spinner.spin([&] { return ++looks, false; });
    } while (looks != 0);
    spinner.woken();
    spinner.spin([&] { return ++looks, false; });
    EXPECT_EQ(looks, 0) << "a wake-up alone is no reason";
    spinner.woken();
    spinner.paid();
    spinner.spin([&] { return ++looks == 3; });
    EXPECT_EQ(looks, 3);
}

TEST_F(before_sleeping, SpinningForLongerIsGivenUpToo) {
    detail::spinner spinner{std::chrono::milliseconds{2}};
    int looks = 0;
    for (int i = 0; i != 100; ++i) { // brief or not, what follows on every spin is a sleep
        spinner.spin([&] { return ++looks, false; });
        spinner.woken();
        spinner.paid();
    }
    looks = 0;
    int spins = 0;
    for (int i = 0; i != 64; ++i) {
        const int before = looks;
        spinner.spin([&] { return ++looks, false; });
        spins += looks != before;
        spinner.woken();
        spinner.paid();
    }
    EXPECT_LE(spins, 40);
}

TEST(looks_at_a_busy_peer, KeepADistanceThatGrowsWhileTheyFindLittle) {
    detail::pacer pacer{true};
    EXPECT_EQ(pacer.distance().count(), 0) << "the first look is free";
    pacer.found(64);
    EXPECT_EQ(pacer.distance(), detail::pacer::shortest);
    for (int i = 0; i != 20; ++i)
        pacer.found(64);
    EXPECT_EQ(pacer.distance(), detail::pacer::longest);
    const auto last = detail::pacer::clock::now();
    pacer.found(64);
    pacer.keep_distance();
    EXPECT_GE(detail::pacer::clock::now() - last, detail::pacer::longest);
}

TEST(looks_at_a_busy_peer, AreFreeAgainOnceOneFindsNothing) {
    detail::pacer pacer{true};
    for (int i = 0; i != 20; ++i)
        pacer.found(64);
    pacer.found(0);
    EXPECT_EQ(pacer.distance().count(), 0);
}

TEST(looks_at_a_busy_peer, ComeCloserWhileTheyFindMuch) {
    detail::pacer pacer{true};
    for (int i = 0; i != 20; ++i)
        pacer.found(64);
    pacer.found(65536);
    EXPECT_EQ(pacer.distance(), detail::pacer::longest / 2);
    for (int i = 0; i != 20; ++i)
        pacer.found(65536);
    EXPECT_EQ(pacer.distance().count(), 0);
}

TEST(looks_at_a_busy_peer, AreFreeWhereNobodySpins) {
    detail::pacer off{false};
    for (int i = 0; i != 20; ++i)
        off.found(1);
    EXPECT_EQ(off.distance().count(), 0);
}

} // namespace
} // namespace xenring::vchan::test
