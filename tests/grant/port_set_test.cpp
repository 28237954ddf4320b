#include <xenring/grant/domain.hpp>
#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace xenring {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr domid us{1};
constexpr domid peer{2};

std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + 5s;
}

/// Two domains with one channel between them, in one process and without a thread.
class PortSet : public testing::Test {
protected:
    PortSet() {
        near_port = near_ports.bind_unbound(peer);
        far_port = far_ports.bind_interdomain(us, near_port.number());
        // The first event at the end that was bound last has no cause; take it away.
        error_code ec;
        far_port.wait_until({}, soon(), ec);
    }

    void run() {
        io.restart();
        io.run();
    }

    /// Starts a wait; the result appears when it has completed.
    std::shared_ptr<std::optional<error_code>> start_wait(bound_port& on, event_ticket ticket) {
        auto result = std::make_shared<std::optional<error_code>>();
        on.async_wait(ticket, [result](error_code ec) { *result = ec; });
        return result;
    }

    asio::io_context io;
    local::machine machine;
    std::shared_ptr<hypervisor> near = machine.open(us);
    std::shared_ptr<hypervisor> far = machine.open(peer);
    port_set near_ports{io.get_executor(), *near};
    port_set far_ports{io.get_executor(), *far};
    bound_port near_port;
    bound_port far_port;
};

TEST_F(PortSet, AnEventEndsAWait) {
    const auto result = start_wait(near_port, near_port.seen());
    io.poll();
    EXPECT_FALSE(*result);
    far_port.notify();
    run();
    ASSERT_TRUE(*result);
    EXPECT_FALSE(**result);
}

TEST_F(PortSet, AnEventOrAWatchOrTheDeadlineEndsABlockedWait) {
    const domain here{io.get_executor(), near};
    auto watch = here.store().watch("data");
    watch.wait_for(1h);
    using woken_by = bound_port::woken_by;
    error_code ec;
    const auto wait = [&, ticket = near_port.seen(), told = watch.seen()](auto deadline) {
        return near_port.wait_until(ticket, deadline, watch, told, ec);
    };
    EXPECT_EQ(wait(std::chrono::steady_clock::now()), woken_by::deadline);
    EXPECT_EQ(ec, errc::timed_out);

    constexpr auto never = std::chrono::steady_clock::time_point::max();
    std::jthread elsewhere{[&] { domain{io.get_executor(), near}.store().write("data", "x"); }};
    EXPECT_EQ(wait(never), woken_by::watch);
    EXPECT_FALSE(ec);
    elsewhere = std::jthread{[&] { far_port.notify(); }};
    EXPECT_EQ(near_port.wait_until(near_port.seen(), never, watch, watch.seen(), ec),
              woken_by::port);
    EXPECT_FALSE(ec);
}

TEST_F(PortSet, AnEventBetweenTicketAndWaitIsNotLost) {
    const auto ticket = near_port.seen();
    const auto other = start_wait(near_port, ticket);
    far_port.notify();
    run(); // the first wait takes the event off the descriptor
    ASSERT_TRUE(*other);
    const auto result = start_wait(near_port, ticket);
    run();
    ASSERT_TRUE(*result);
    EXPECT_FALSE(**result);
}

TEST_F(PortSet, OneEventEndsEveryWaitOnItsPort) {
    const auto first = start_wait(near_port, near_port.seen());
    const auto second = start_wait(near_port, near_port.seen());
    far_port.notify();
    run();
    EXPECT_TRUE(*first);
    EXPECT_TRUE(*second);
}

TEST_F(PortSet, OneDescriptorCarriesManyPortsAndWakesOnlyTheOneThatFired) {
    auto second_near = near_ports.bind_unbound(peer);
    auto second_far = far_ports.bind_interdomain(us, second_near.number());
    const auto first = start_wait(near_port, near_port.seen());
    const auto second = start_wait(second_near, second_near.seen());
    second_far.notify();
    io.restart();
    while (!*second)
        io.run_one();
    io.poll();
    EXPECT_FALSE(*first);
    near_port.cancel();
    run();
    EXPECT_EQ(**first, asio::error::operation_aborted);
}

TEST_F(PortSet, MergesEventsWhileMaskedAndDeliversOneAfterwards) {
    for (int i = 0; i < 5; ++i)
        far_port.notify();
    const auto before = near_port.seen();
    start_wait(near_port, before);
    run();
    EXPECT_EQ(near_port.seen().count, before.count + 1);
    for (int i = 0; i < 5; ++i)
        far_port.notify(); // masked now: they wait
    const auto again = start_wait(near_port, near_port.seen());
    run();
    EXPECT_TRUE(*again);
    EXPECT_EQ(near_port.seen().count, before.count + 2);
}

TEST_F(PortSet, CancelEndsWaitsAndLeavesThePortUsable) {
    const auto cancelled = start_wait(near_port, near_port.seen());
    io.poll();
    near_port.cancel();
    run();
    EXPECT_EQ(**cancelled, asio::error::operation_aborted);
    const auto next = start_wait(near_port, near_port.seen());
    far_port.notify();
    run();
    EXPECT_FALSE(**next);
}

TEST_F(PortSet, OneWaitIsCancelledThroughItsSlotAndTheOtherGoesOn) {
    asio::cancellation_signal signal;
    std::optional<error_code> cancelled;
    near_port.async_wait(
        near_port.seen(),
        asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { cancelled = ec; }));
    const auto other = start_wait(near_port, near_port.seen());
    io.poll();
    signal.emit(asio::cancellation_type::terminal);
    io.restart();
    io.poll();
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(*cancelled, asio::error::operation_aborted);
    EXPECT_FALSE(*other);
    far_port.notify();
    run();
    EXPECT_FALSE(**other);
}

TEST_F(PortSet, DestroyingAPortEndsItsWaits) {
    const auto result = start_wait(near_port, near_port.seen());
    io.poll();
    near_port = {};
    run();
    EXPECT_EQ(**result, asio::error::operation_aborted);
}

TEST_F(PortSet, AnIdleSetDoesNotKeepTheContextRunning) {
    start_wait(near_port, near_port.seen());
    io.poll();
    near_port.cancel();
    run(); // would hang if the descriptor were still being waited for
    SUCCEED();
}

TEST_F(PortSet, AContextMayGoAwayWithWaitsUnderWay) {
    auto brief = std::make_unique<asio::io_context>();
    auto token = std::make_shared<int>(1);
    {
        port_set ports{brief->get_executor(), *near};
        auto channel = ports.bind_unbound(peer);
        const auto ticket = channel.seen();
        auto& port = channel;
        asio::co_spawn(
            *brief,
            [](bound_port own, event_ticket seen, std::shared_ptr<int>) -> asio::awaitable<void> {
                co_await own.async_wait(seen, asio::use_awaitable);
            }(std::move(port), ticket, token),
            asio::detached);
    }
    brief->poll();
    EXPECT_EQ(token.use_count(), 2);
    brief.reset();
    EXPECT_EQ(token.use_count(), 1);
}

TEST_F(PortSet, SynchronousWaitSeesTheEventAndTimesOutWithoutOne) {
    error_code ec;
    const auto ticket = near_port.seen();
    near_port.wait_until(ticket, std::chrono::steady_clock::now() + 20ms, ec);
    EXPECT_EQ(ec, errc::timed_out);
    far_port.notify();
    near_port.wait_until(ticket, soon(), ec);
    EXPECT_FALSE(ec);
}

TEST_F(PortSet, ASynchronousWaitKeepsEventsOfOtherPortsForThem) {
    auto second_near = near_ports.bind_unbound(peer);
    auto second_far = far_ports.bind_interdomain(us, second_near.number());
    const auto first_ticket = near_port.seen();
    const auto second_ticket = second_near.seen();
    far_port.notify();
    second_far.notify();
    error_code ec;
    second_near.wait_until(second_ticket, soon(), ec);
    EXPECT_FALSE(ec);
    near_port.wait_until(first_ticket, soon(), ec);
    EXPECT_FALSE(ec);
}

TEST_F(PortSet, WaitsEndWithTheReasonWhenTheOwnDomainIsDestroyed) {
    const auto result = start_wait(near_port, near_port.seen());
    io.poll();
    machine.destroy(us);
    run();
    ASSERT_TRUE(*result);
    EXPECT_EQ(**result, errc::domain_destroyed);
}

TEST_F(PortSet, NotifyToAGonePeerIsHarmless) {
    far_port = {};
    near_port.notify();
    auto again = far_ports.bind_interdomain(us, near_port.number());
    EXPECT_TRUE(again);
}

TEST_F(PortSet, ASecondClientIsRefused) {
    error_code ec;
    const auto second = far_ports.bind_interdomain(us, near_port.number(), ec);
    EXPECT_FALSE(second);
    EXPECT_TRUE(ec);
}

// Run under ThreadSanitizer too: one thread notifies, another runs the context.
TEST_F(PortSet, PingPongBetweenThreadsLosesNoWakeUp) {
    constexpr int rounds = 2000;
    std::thread echo{[&] {
        event_ticket seen = far_port.seen();
        for (int i = 0; i < rounds; ++i) {
            error_code ec;
            far_port.wait_until(seen, soon(), ec);
            seen = far_port.seen();
            far_port.notify(ec);
        }
    }};
    int done = 0;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            while (done < rounds) {
                const auto ticket = near_port.seen();
                near_port.notify();
                co_await near_port.async_wait(ticket, asio::use_awaitable);
                ++done;
            }
        },
        asio::detached);
    io.run();
    echo.join();
    EXPECT_EQ(done, rounds);
}

TEST_F(PortSet, APortBoundWhileAnotherThreadReadsKeepsItsFirstEvent) {
    (void)start_wait(far_port, far_port.seen()); // somebody reads the descriptor all the time
    std::thread reader{[this] { io.run(); }};
    bool all_came = true;
    for (int i = 0; i != 3000 && all_came; ++i) {
        auto here = near_ports.bind_unbound(peer);
        auto there = far_ports.bind_interdomain(us, here.number());
        std::promise<error_code> first;
        asio::post(io, [&] { there.async_wait({}, [&](error_code ec) { first.set_value(ec); }); });
        auto came = first.get_future();
        all_came = came.wait_for(5s) == std::future_status::ready;
        if (!all_came)
            there.cancel();
        came.wait();
    }
    EXPECT_TRUE(all_came);
    far_port.cancel();
    reader.join();
}

} // namespace
} // namespace xenring
