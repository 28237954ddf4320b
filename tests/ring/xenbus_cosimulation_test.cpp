// Our backend with our frontend, in every order in which things can happen.
#include "xenbus_exploration.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace xenring::ring::model {
namespace {

bool both_connected(const world& w) {
    return w.back == backend_phase::connected && w.front == frontend_phase::connected &&
           w.back_state == 4 && w.front_state == 4 && w.mapped_which == w.granted_which &&
           w.flowing != 0;
}

bool nothing_left(const world& w) {
    return w.device == device::none && w.mapped == rings::none && w.granted == rings::none;
}

bool removed(const world& w) {
    const bool front_done = w.front == frontend_phase::closed ||
                            w.front == frontend_phase::finished ||
                            w.front == frontend_phase::waiting;
    return w.back == backend_phase::finished && w.back_state == 6 && front_done && nothing_left(w);
}

bool frontend_left(const world& w) {
    return w.front == frontend_phase::finished && w.front_state == 6 && w.back_state == 6 &&
           w.granted == rings::none && w.mapped == rings::none;
}

/// As the world outside asked for.
bool as_asked(const world& w) {
    if (w.online == 0 || w.stop_backend != 0)
        return removed(w);
    return w.close != 0 ? frontend_left(w) : both_connected(w);
}

/// The same, and a frontend that met a failure does not come back by itself.
bool as_asked_or_shut(const world& w) {
    const bool shut = w.front == frontend_phase::closed && w.back == backend_phase::closed &&
                      w.back_state == 6 && w.mapped == rings::none && w.granted == rings::none;
    return as_asked(w) || (w.online != 0 && shut);
}

void expect_good(const world& first) {
    model::expect_good(first, as_asked);
}

TEST(XenbusCosimulation, BothConnect) {
    expect_good({});
}

TEST(XenbusCosimulation, UnpluggedAtAnyTimeBothClose) {
    world w;
    w.unplugs = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, StoppedAtAnyTimeTheBackendClosesInOrder) {
    world w;
    w.stops = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, TheFrontendMayCloseAtAnyTime) {
    world w;
    w.closes = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, ClosedByBothAtOnceBothClose) {
    world w;
    w.closes = w.unplugs = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, TheFrontendMayReconnectAtAnyTime) {
    world w;
    w.reconnects = 2;
    expect_good(w);
}

TEST(XenbusCosimulation, ABackendKilledAtAnyTimeComesBackUnderALiveGuest) {
    world w;
    w.backend_restarts = 2;
    expect_good(w);
}

TEST(XenbusCosimulation, AGuestThatBootsAnewInPlaceIsConnectedAnew) {
    world w;
    w.frontend_restarts = 2;
    w.deadlines = deadlines::at_rest;
    expect_good(w);
}

TEST(XenbusCosimulation, DeadlinesAtAnyTimeLeaveNothingBehind) {
    world w;
    w.deadlines = deadlines::any_time;
    w.revoke_may_be_busy = 1;
    w.unplugs = w.closes = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, RestartOfTheBackendAndUnplugAtAnyTime) {
    world w;
    w.backend_restarts = w.unplugs = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, RestartOfTheBackendWhileTheFrontendReconnects) {
    world w;
    w.backend_restarts = w.reconnects = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, RestartOfTheBackendWhileTheFrontendCloses) {
    world w;
    w.backend_restarts = w.closes = 1;
    expect_good(w);
}

TEST(XenbusCosimulation, AfterAFailureAReconnectConnects) {
    world w;
    w.failures = w.reconnects = 1;
    expect_good(w, as_asked_or_shut);
}

TEST(XenbusCosimulation, AFailureWhileUnpluggedStillEnds) {
    world w;
    w.failures = w.unplugs = 1;
    expect_good(w, as_asked_or_shut);
}

TEST(XenbusCosimulation, AnUnplugNeedsNoAnswerFromTheGuest) {
    for (std::uint8_t state = 0; state != 9; ++state) {
        world w;
        w.front_kind = peer::dead;
        w.front_state = state;
        w.granted = rings::there;
        w.unplugs = w.backend_restarts = 1;
        w.deadlines = deadlines::any_time;
        expect_good(w, [](const world& end) {
            const bool nothing = end.device == device::none && end.mapped == rings::none;
            return end.online != 0 ||
                   (end.back == backend_phase::finished && end.back_state == 6 && nothing);
        });
    }
}

} // namespace
} // namespace xenring::ring::model
