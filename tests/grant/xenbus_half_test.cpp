#include "tests/eventually.hpp"

#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/xenbus_half.hpp>
#include <xenring/ring/xenbus_frontend.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

namespace xenring {
namespace {

using namespace std::chrono_literals;
using ring::frontend_action;
using ring::frontend_event;
using ring::frontend_phase;

/// Writes down what it is asked to do; a disconnect is done in the background.
class noting_half final : public xenbus_half<ring::xenbus_frontend> {
public:
    explicit noting_half(const domain& here, std::chrono::milliseconds limit = 10s)
        : xenbus_half{here, "data/0", limit} {}

    using xenbus_half::background;
    using xenbus_half::begin_with;
    using xenbus_half::end;
    using xenbus_half::happened;
    using xenbus_half::happened_before_all;
    using xenbus_half::look_again;
    using xenbus_half::pump;
    using xenbus_half::say_refused_watch;
    using xenbus_half::unwatch;
    using xenbus_half::watch;

    frontend_phase phase() const { return machine_->phase(); }

    std::vector<frontend_action> done;
    std::vector<frontend_event> taken;
    std::vector<frontend_event> standing; ///< what a look finds
    std::function<void()> on_run;
    int looks = 0, ends_of_steps = 0;
    mutable std::vector<std::string> said;

private:
    void run(frontend_action what) override {
        done.push_back(what);
        if (on_run)
            on_run();
        if (what == frontend_action::look)
            look_again();
        else if (what == frontend_action::disconnect)
            background([] {}, [this] { happened(frontend_event::rings_disconnected); });
    }
    void look() override {
        ++looks;
        background([] {}, [this] { stands(standing); });
    }
    void took(frontend_event what, frontend_phase, const step_type&) override {
        taken.push_back(what);
    }
    void settled() override { ++ends_of_steps; }
    void say(bool, const std::string& text) const override { said.push_back(text); }
};

class XenbusHalf : public testing::Test {
protected:
    std::shared_ptr<noting_half> begin(ring::xenbus_state own,
                                       std::chrono::milliseconds limit = 10s) {
        auto made = std::make_shared<noting_half>(here, limit);
        made->begin_with(ring::xenbus_frontend{own});
        return made;
    }
    template <class Condition>
    bool eventually(Condition condition) {
        return xenring::test::eventually(io, std::move(condition));
    }
    std::size_t watches() { return machine.statistics().of(domid{1}).watches; }

    local::machine machine;
    boost::asio::io_context io;
    domain here{io.get_executor(), machine.open(domid{1})};
};

TEST_F(XenbusHalf, BeginsWithTheFirstActions) {
    const auto half = begin(ring::xenbus_state::connected);
    half->pump();
    EXPECT_EQ(half->done, (std::vector{frontend_action::write_closing, frontend_action::look}));
    EXPECT_EQ(half->ends_of_steps, 1);
    EXPECT_EQ(half->looks, 1);
}

TEST_F(XenbusHalf, DoesNothingElseWhileSomethingRunsInTheBackground) {
    const auto half = begin(ring::xenbus_state::initialising);
    half->background([] {}, [&] { EXPECT_TRUE(half->done.empty()); });
    half->happened(frontend_event::backend_init_wait);
    half->pump();
    EXPECT_TRUE(half->done.empty());
    EXPECT_TRUE(eventually([&] { return half->phase() == frontend_phase::publishing; }));
    EXPECT_EQ(half->done, (std::vector{frontend_action::look, frontend_action::publish}));
}

TEST_F(XenbusHalf, EndsAStepBeforeTheNextEvent) {
    const auto half = begin(ring::xenbus_state::initialising);
    half->on_run = [&] { // two things happen while the first action is run
        half->on_run = nullptr;
        half->happened(frontend_event::backend_moved);
        half->happened_before_all(frontend_event::directory_lost);
        half->pump();
    };
    half->pump();
    EXPECT_TRUE(eventually([&] { return half->phase() == frontend_phase::finished; }));
    EXPECT_EQ(half->taken.front(), frontend_event::directory_lost);
    EXPECT_EQ(half->done, (std::vector{frontend_action::look, frontend_action::disconnect}));
}

TEST_F(XenbusHalf, WhatStoodIsForgottenOnceSomethingIsDone) {
    const auto half = begin(ring::xenbus_state::initialising);
    half->standing = {frontend_event::backend_init_wait, frontend_event::backend_closed};
    half->on_run = [&] {
        if (half->done.back() == frontend_action::publish)
            half->standing.clear();
    };
    half->pump();
    EXPECT_TRUE(eventually([&] { return half->looks == 2; })) << "it looks again instead";
    EXPECT_EQ(half->phase(), frontend_phase::publishing);
}

TEST_F(XenbusHalf, Xsa349_ManyChangesCostFewLooks) {
    const auto half = begin(ring::xenbus_state::initialising);
    ASSERT_TRUE(half->watch("data"));
    for (int i = 0; i != 1000; ++i)
        here.store().write("data/key", std::to_string(i));
    half->pump();
    io.run_for(50ms);
    EXPECT_GE(half->looks, 1);
    EXPECT_LT(half->looks, 100);
    const int before = half->looks;
    here.store().write("data/key", "again");
    EXPECT_TRUE(eventually([&] { return half->looks > before; }));
}

TEST_F(XenbusHalf, AWatchThatWasGivenUpIsClosed) {
    const auto half = begin(ring::xenbus_state::initialising);
    half->unwatch(half->watch("data"));
    EXPECT_TRUE(eventually([&] { return watches() == 0; }));
}

TEST_F(XenbusHalf, AWatchThatIsRefusedIsComplainedOfOnce) {
    const auto half = begin(ring::xenbus_state::initialising);
    for (int i = 0; i != 3; ++i) {
        EXPECT_FALSE(half->watch("/not/../a path"));
        half->say_refused_watch();
    }
    ASSERT_EQ(half->said.size(), 1U);
    EXPECT_EQ(half->said[0].find("cannot watch /not/../a path: "), 0U) << half->said[0];
    EXPECT_FALSE(half->watch("/another path"));
    half->say_refused_watch();
    EXPECT_EQ(half->said.size(), 2U);
}

TEST_F(XenbusHalf, NeitherWatchesNorTheDeadlineKeepItAlive) {
    auto half = begin(ring::xenbus_state::closing, 60s);
    half->watch("data");
    half->pump();
    EXPECT_TRUE(eventually([&] { return half->looks != 0 && half.use_count() == 1; }));
    const std::weak_ptr<noting_half> held = half;
    half.reset();
    EXPECT_TRUE(held.expired());
    EXPECT_TRUE(eventually([&] { return watches() == 0; }));
}

TEST_F(XenbusHalf, ItsJobKeepsItAlive) {
    auto half = begin(ring::xenbus_state::initialising);
    const std::weak_ptr<noting_half> held = half;
    bool done = false;
    half->background([] {}, [&] { done = true; });
    half.reset();
    EXPECT_FALSE(held.expired());
    EXPECT_TRUE(eventually([&] { return done; }));
}

TEST_F(XenbusHalf, OneThatEndedInTheMiddleOfAJobDoesNothingMore) {
    const auto half = begin(ring::xenbus_state::initialising);
    std::atomic<bool> watched = false;
    bool done = false;
    half->background(
        [&] {
            half->watch("data");
            watched = true;
        },
        [&] { done = true; });
    half->end();
    EXPECT_TRUE(eventually([&] { return watched && watches() == 0; }))
        << "not even the job's watch is left";
    io.run_for(5ms);
    half->happened(frontend_event::backend_init_wait);
    half->pump();
    EXPECT_FALSE(done);
    EXPECT_TRUE(half->done.empty());
}

TEST_F(XenbusHalf, ADeadlineIsAnEvent) {
    const auto half = begin(ring::xenbus_state::closing, 1ms);
    half->pump();
    EXPECT_TRUE(eventually([&] { return half->phase() == frontend_phase::closed; }));
    EXPECT_EQ(half->taken.front(), frontend_event::deadline_passed);
}

TEST_F(XenbusHalf, ADeadlineEndsWithItsPhase) {
    const auto half = begin(ring::xenbus_state::closing, 20ms);
    half->pump();
    half->happened(frontend_event::backend_gone);
    half->pump();
    EXPECT_TRUE(eventually([&] { return half->phase() == frontend_phase::closed; }));
    io.restart();
    io.run_for(40ms);
    for (const auto each : half->taken)
        EXPECT_NE(each, frontend_event::deadline_passed);
}

} // namespace
} // namespace xenring
