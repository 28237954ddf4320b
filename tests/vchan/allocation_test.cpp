// Reading and writing cost no memory once they run: counted.
#include "../counting_new.hpp"
#include "fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace xenring::vchan::test {
namespace {

constexpr int warm_up = 200, rounds_counted = 2000;

/// Round trips of one message; after the first ones, how many allocations they cost.
class steady_state : public two_domains {
public:
    /// Call after each round trip.
    void count_round() {
        if (++rounds_done == warm_up)
            before = xenring::test::allocations();
        else if (rounds_done == warm_up + rounds_counted)
            during = xenring::test::allocations() - before;
    }
    bool more() const { return rounds_done < warm_up + rounds_counted; }

    std::array<char, 64> request{}, answer{};
    int rounds_done = 0;
    std::size_t before = 0, during = ~std::size_t{0};
};

TEST_F(steady_state, SynchronousCallsAllocateNothing) {
    auto both = connected();
    while (more()) {
        both.client.write_some(asio::buffer(request));
        both.server.read_some(asio::buffer(answer));
        count_round();
    }
    EXPECT_EQ(during, 0U);
}

TEST_F(steady_state, SpansInPlaceAllocateNothing) {
    auto both = connected();
    error_code ec;
    while (more()) {
        both.client.commit(both.client.prepare(64, ec).size());
        both.server.consume(both.server.data(ec).size());
        count_round();
    }
    EXPECT_EQ(during, 0U);
}

TEST_F(steady_state, AReadThatNeedNotWaitAllocatesNothing) {
    auto both = connected();
    while (more()) {
        both.client.write_some(asio::buffer(request));
        both.server.async_read_some(asio::buffer(answer), [&](error_code ec, std::size_t count) {
            EXPECT_FALSE(ec);
            EXPECT_EQ(count, 64U);
            count_round();
        });
        run();
    }
    EXPECT_EQ(during, 0U);
}

TEST_F(steady_state, AReadThatSleepsAllocatesNothing) {
    auto both = connected();
    while (more()) {
        both.server.async_read_some(asio::buffer(answer), [&](error_code ec, std::size_t count) {
            EXPECT_FALSE(ec);
            EXPECT_EQ(count, 64U);
            count_round();
        });
        io.poll(); // it sleeps now
        both.client.write_some(asio::buffer(request));
        run();
    }
    EXPECT_EQ(during, 0U);
}

asio::awaitable<void> echo(stream& peer, std::array<char, 64>& room, const bool& more) {
    while (more) {
        const auto count = co_await peer.async_read_some(asio::buffer(room), asio::use_awaitable);
        co_await peer.async_write_some(asio::buffer(room, count), asio::use_awaitable);
    }
}

TEST_F(steady_state, CoroutinesHardlyEverAllocate) {
    auto both = connected();
    bool goes_on = true;
    auto ask = [&]() -> asio::awaitable<void> {
        for (; more(); count_round()) {
            goes_on = rounds_done + 1 != warm_up + rounds_counted;
            co_await both.client.async_write_some(asio::buffer(request), asio::use_awaitable);
            co_await both.client.async_read_some(asio::buffer(answer), asio::use_awaitable);
        }
    };
    std::array<char, 64> room{};
    asio::co_spawn(io, echo(both.server, room, goes_on), asio::detached);
    asio::co_spawn(io, ask(), asio::detached);
    run();
    // Asio keeps two frames of coroutines for each thread; now and then a third one lives.
    EXPECT_LT(during, static_cast<std::size_t>(rounds_counted) / 10);
}

} // namespace
} // namespace xenring::vchan::test
