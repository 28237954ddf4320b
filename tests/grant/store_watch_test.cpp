#include "store_fixture.hpp"

#include <xenring/grant/store_watch.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace xenring {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class StoreWatch : public store_fixture {
protected:
    store own = connect(1);

    error_code wait_now(store_watch& watch) {
        error_code ec;
        watch.wait_for(0ms, ec);
        return ec;
    }
};

TEST_F(StoreWatch, FiresOnceAtOnceAlsoForANodeThatIsNotThere) {
    store_watch watch = own.watch("data/later");
    EXPECT_EQ(watch.wait_for(0ms), "data/later");
    EXPECT_EQ(wait_now(watch), errc::timed_out);
    own.write("data/later", "x");
    EXPECT_EQ(watch.wait_for(0ms), "data/later");
}

TEST_F(StoreWatch, TellsPathsAsTheyWereAskedFor) {
    store_watch relative = own.watch("data");
    store_watch absolute = own.watch("/local/domain/1/data");
    EXPECT_EQ(relative.wait_for(0ms), "data");
    EXPECT_EQ(absolute.wait_for(0ms), "/local/domain/1/data");
    own.write("data/a/b", "x");
    EXPECT_EQ(relative.wait_for(0ms), "data/a/b");
    EXPECT_EQ(absolute.wait_for(0ms), "/local/domain/1/data/a/b");
}

TEST_F(StoreWatch, Xsa349_AMillionChangesAreOneEvent) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    store control = connect(0);
    for (int each = 0; each < 10'000; ++each)
        control.write("/local/domain/1/data/x", std::to_string(each));
    EXPECT_EQ(watch.wait_for(0ms), "data/x");
    EXPECT_EQ(wait_now(watch), errc::timed_out);
}

TEST_F(StoreWatch, EventsOfSeveralNodesComeTogetherAsTheWatchedPath) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    own.write("data/a", "");
    own.write("data/b", "");
    EXPECT_EQ(watch.wait_for(0ms), "data");
    EXPECT_EQ(wait_now(watch), errc::timed_out);
}

TEST_F(StoreWatch, WaitsOnTheExecutor) {
    store peer = connect(2);
    peer.set_permissions("data", {{domid{2}, store_access::none}, {domid{1}, store_access::read}});
    peer.write("data/state", "1");
    store_watch watch = own.watch("/local/domain/2/data");
    watch.wait_for(0ms);
    std::string heard;
    watch.async_wait([&](error_code ec, std::string path) {
        EXPECT_FALSE(ec) << ec.message();
        heard = std::move(path);
    });
    context.poll();
    EXPECT_TRUE(heard.empty());
    peer.write("data/state", "2");
    context.run();
    EXPECT_EQ(heard, "/local/domain/2/data/state");
}

TEST_F(StoreWatch, ACancelledWaitLosesNoEvent) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    asio::cancellation_signal signal;
    error_code result;
    watch.async_wait(asio::bind_cancellation_slot(
        signal.slot(), [&](error_code ec, const std::string&) { result = ec; }));
    signal.emit(asio::cancellation_type::total);
    own.write("data", "x");
    context.run();
    EXPECT_EQ(result, asio::error::operation_aborted);
    EXPECT_EQ(watch.wait_for(0ms), "data");
}

TEST_F(StoreWatch, TakesOneWaitAtATime) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    error_code first;
    error_code second;
    watch.async_wait([&](error_code ec, const std::string&) { first = ec; });
    watch.async_wait([&](error_code ec, const std::string&) { second = ec; });
    EXPECT_EQ(wait_now(watch), asio::error::already_started);
    own.write("data", "x");
    context.run();
    EXPECT_FALSE(first);
    EXPECT_EQ(second, asio::error::already_started);
}

TEST_F(StoreWatch, EndsItselfWhenDestroyed) {
    error_code result;
    {
        store_watch watch = own.watch("data");
        watch.wait_for(0ms);
        watch.async_wait([&](error_code ec, const std::string&) { result = ec; });
        EXPECT_EQ(server->used_by(domid{1}).watches, 1u);
    }
    EXPECT_EQ(server->used_by(domid{1}).watches, 0u);
    context.run();
    EXPECT_EQ(result, asio::error::operation_aborted);
    own.write("data", "x"); // an event for a watch that is gone would break this call
    EXPECT_EQ(own.read("data"), "x");
}

TEST_F(StoreWatch, TwoWatchesOfOnePathAreTwo) {
    store_watch one = own.watch("data");
    store_watch other = own.watch("data");
    one.wait_for(0ms);
    other.wait_for(0ms);
    one.close();
    EXPECT_FALSE(one.is_open());
    own.write("data", "x");
    EXPECT_EQ(other.wait_for(0ms), "data");
    EXPECT_EQ(wait_now(one), errc::not_connected);
}

TEST_F(StoreWatch, EndsWhenItsDomainGoes) {
    store_watch waiting = own.watch("data");
    waiting.wait_for(0ms);
    store_watch idle = own.watch("data");
    error_code result;
    waiting.async_wait([&](error_code ec, const std::string&) { result = ec; });
    server->release(domid{1});
    context.run();
    EXPECT_EQ(result, errc::store_gone);
    EXPECT_EQ(wait_now(idle), errc::store_gone);
}

/// Waits beside a descriptor of its own.
class StoreWatchBeside : public StoreWatch {
protected:
    StoreWatchBeside() { watch.wait_for(0ms); }
    ~StoreWatchBeside() override { ::close(descriptor); }

    bool wait(std::chrono::milliseconds limit = 1h) {
        return watch.wait_beside(descriptor, seen, std::chrono::steady_clock::now() + limit, ec);
    }

    const int descriptor = ::eventfd(0, EFD_CLOEXEC);
    store_watch watch = own.watch("data");
    watch_ticket seen = watch.seen();
    error_code ec;
};

TEST_F(StoreWatchBeside, EndsWithTheDescriptorOrTheEventOrTheDeadline) {
    EXPECT_FALSE(wait(0ms));
    EXPECT_EQ(ec, errc::timed_out);
    std::jthread elsewhere{[&] { ::eventfd_write(descriptor, 1); }};
    EXPECT_TRUE(wait());
    EXPECT_FALSE(ec);
    eventfd_t ignored;
    ::eventfd_read(descriptor, &ignored);
    elsewhere = std::jthread{[&] { connect(0).write("/local/domain/1/data/x", "y"); }};
    EXPECT_FALSE(wait());
    EXPECT_FALSE(ec);
}

TEST_F(StoreWatchBeside, SeesAnEventThatCameBeforeOrThatAnotherTook) {
    seen = watch.seen();
    own.write("data", "x");
    EXPECT_EQ(watch.wait_for(0ms), "data");
    EXPECT_FALSE(wait());
    EXPECT_FALSE(ec);

    seen = watch.seen();
    std::string taken;
    watch.async_wait([&](error_code, const std::string& path) { taken = path; });
    std::jthread elsewhere{[&] { connect(0).write("/local/domain/1/data/x", "y"); }};
    EXPECT_FALSE(wait());
    EXPECT_FALSE(ec);
    context.run();
    EXPECT_EQ(taken, "data/x");
}

TEST_F(StoreWatchBeside, IsWokenByWhoeverReadsTheConnection) {
    seen = watch.seen();
    std::atomic<bool> over{false};
    std::jthread elsewhere{[&] {
        own.write("data", "x"); // the answer and the event come together
        while (!over)
            own.read("data");
    }};
    EXPECT_FALSE(wait());
    over = true;
    EXPECT_FALSE(ec);
}

TEST_F(StoreWatchBeside, EndsWithTheConnectionAndWithTheWatch) {
    seen = watch.seen();
    std::jthread elsewhere{[&] {
        std::this_thread::sleep_for(10ms);
        server->release(domid{1});
    }};
    EXPECT_FALSE(wait());
    EXPECT_EQ(ec, errc::store_gone);
    watch.close();
    EXPECT_FALSE(wait());
    EXPECT_EQ(ec, errc::not_connected);
}

TEST_F(StoreWatch, OutlivesItsStoreHarmlessly) {
    store_watch watch = own.watch("data");
    own = store{};
    EXPECT_TRUE(wait_now(watch));
    EXPECT_EQ(server->used_by(domid{1}).connections, 1u); // until the watch goes too
    watch.close();
    EXPECT_EQ(server->used_by(domid{1}).connections, 0u);
}

TEST_F(StoreWatch, ABlockedWaitIsWokenFromAnotherThread) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    std::thread writer{[this] { connect(0).write("/local/domain/1/data", "x"); }};
    EXPECT_EQ(watch.wait_for(1h), "data");
    writer.join();
}

TEST_F(StoreWatch, ABlockedWaitIsWokenWhenAnotherThreadReadsItsEvent) {
    store_watch watch = own.watch("data");
    watch.wait_for(0ms);
    for (int round = 0; round < 50; ++round) {
        error_code ec;
        std::thread waiter{[&] { watch.wait_for(1h, ec); }};
        std::this_thread::sleep_for(1ms);         // most rounds: it polls by now
        own.write("data", std::to_string(round)); // takes the event off the pipe itself
        waiter.join();
        ASSERT_FALSE(ec) << ec.message() << " in round " << round;
    }
}

TEST_F(StoreWatch, ABlockedWaitAndTheExecutorShareOneConnection) {
    store_watch blocked = own.watch("data/blocked");
    store_watch waited = own.watch("data/waited");
    blocked.wait_for(0ms);
    waited.wait_for(0ms);
    auto heard = waited.async_wait(asio::use_future);
    std::thread runner{[this] { context.run(); }};
    std::thread writer{[this] {
        connect(0).write("/local/domain/1/data/waited", "x");
        connect(0).write("/local/domain/1/data/blocked", "x");
    }};
    EXPECT_EQ(blocked.wait_for(1h), "data/blocked");
    EXPECT_EQ(heard.get(), "data/waited");
    writer.join();
    runner.join();
}

TEST_F(StoreWatch, HearsOfDomainsThatComeAndGo) {
    store control = connect(0);
    store_watch came = control.watch("@introduceDomain");
    store_watch gone = control.watch("@releaseDomain");
    EXPECT_EQ(came.wait_for(0ms), "@introduceDomain");
    EXPECT_EQ(gone.wait_for(0ms), "@releaseDomain");
    server->introduce(domid{9});
    EXPECT_EQ(came.wait_for(0ms), "@introduceDomain");
    EXPECT_EQ(wait_now(gone), errc::timed_out);
    server->release(domid{9});
    EXPECT_EQ(gone.wait_for(0ms), "@releaseDomain");
}

} // namespace
} // namespace xenring
