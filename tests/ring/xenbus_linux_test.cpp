// Our halves with Linux's drivers on the other side, in every order in which things can happen.
#include "xenbus_exploration.hpp"

#include <gtest/gtest.h>

namespace xenring::ring::model {
namespace {

world with_netfront() {
    world w;
    w.front_kind = peer::linux_kernel;
    return w;
}

world with_netback() {
    world w;
    w.back_kind = peer::linux_kernel;
    return w;
}

bool connected_with_netfront(const world& w) {
    return w.back == backend_phase::connected && w.back_state == 4 && w.front_state == 4 &&
           w.flowing != 0 && w.mapped == rings::there && w.mapped_which == w.granted_which;
}

bool connected_with_netback(const world& w) {
    return w.front == frontend_phase::connected && w.back_state == 4 && w.front_state == 4 &&
           w.flowing != 0 && w.mapped == rings::there && w.mapped_which == w.granted_which;
}

bool backend_ended(const world& w) {
    return w.back == backend_phase::finished && w.back_state == 6 && w.mapped == rings::none &&
           w.device == device::none;
}

bool netfront_ended(const world& w) {
    return w.netfront == linux_front::removed && w.front_state == 6 && w.mapped == rings::none;
}

bool frontend_ended(const world& w) {
    return w.front == frontend_phase::finished && w.front_state == 6 && w.granted == rings::none;
}

bool closed_with_netback(const world& w) {
    return w.front == frontend_phase::closed && w.back_state == 6 && w.granted == rings::none &&
           w.mapped == rings::none;
}

TEST(XenbusLinux, NetfrontConnects) {
    expect_good(with_netfront(), connected_with_netfront);
}

TEST(XenbusLinux, NetfrontIsUnpluggedAtAnyTime) {
    world w = with_netfront();
    w.unplugs = 1;
    expect_good(w, [](const world& end) {
        return end.online != 0 ? connected_with_netfront(end) : backend_ended(end);
    });
}

TEST(XenbusLinux, NetfrontIsRemovedAtAnyTime) {
    world w = with_netfront();
    w.closes = 1;
    expect_good(w, [](const world& end) {
        return end.close == 0 ? connected_with_netfront(end)
                              : netfront_ended(end) && end.back == backend_phase::closed;
    });
}

TEST(XenbusLinux, NetfrontIsRemovedAndUnpluggedAtOnce) {
    world w = with_netfront();
    w.closes = w.unplugs = 1;
    expect_good(w, [](const world& end) {
        if (end.online == 0)
            return backend_ended(end) && (end.close == 0 || netfront_ended(end));
        return end.close == 0 ? connected_with_netfront(end) : netfront_ended(end);
    });
}

TEST(XenbusLinux, NetfrontsGuestBootsANewKernelInPlace) {
    world w = with_netfront();
    w.frontend_restarts = 1;
    w.deadlines = deadlines::at_rest;
    expect_good(w, connected_with_netfront);
}

TEST(XenbusLinux, OurBackendIsKilledUnderNetfrontAndItNeverKnows) {
    world w = with_netfront();
    w.backend_restarts = 3;
    expect_good(w, connected_with_netfront);
}

TEST(XenbusLinux, OurFrontendConnectsToNetback) {
    expect_good(with_netback(), connected_with_netback);
}

TEST(XenbusLinux, NetbackIsUnpluggedAtAnyTimeAfterItConnected) {
    world w = with_netback();
    w.unplugs = 1;
    expect_good(w, [](const world& end) {
        return end.online != 0 ? connected_with_netback(end)
                               : closed_with_netback(end) && end.netback_gone != 0;
    });
}

TEST(XenbusLinux, OurFrontendClosesAtAnyTime) {
    world w = with_netback();
    w.closes = 1;
    expect_good(w, [](const world& end) {
        return end.close == 0 ? connected_with_netback(end)
                              : frontend_ended(end) && end.back_state == 6;
    });
}

TEST(XenbusLinux, OurFrontendReconnectsToNetbackAtAnyTime) {
    world w = with_netback();
    w.reconnects = 2;
    expect_good(w, connected_with_netback);
}

TEST(XenbusLinux, NetbackIsReloadedUnderOurFrontend) {
    world w = with_netback();
    w.backend_restarts = 1;
    expect_good(w, [](const world& end) {
        return connected_with_netback(end) || closed_with_netback(end);
    });
}

} // namespace
} // namespace xenring::ring::model
