// Stories of a frontend, told event by event, with what the store sees of them.
#include "xenbus_teller.hpp"

#include <xenring/ring/xenbus_frontend.hpp>

#include <gtest/gtest.h>

namespace xenring::ring {
namespace {

using frontend = teller<xenbus_frontend, frontend_event, frontend_action>;
using enum frontend_event;
using enum xenbus_state;

frontend connected_frontend() {
    frontend ours{xenbus_frontend{initialising}};
    EXPECT_EQ(ours.hears({backend_initialising, backend_init_wait, rings_published,
                          backend_init_wait, backend_connected}),
              "4");
    EXPECT_EQ(ours.phase(), frontend_phase::connected);
    return ours;
}

TEST(XenbusFrontendStory, ConnectsAsNetfrontDoes) {
    frontend ours{xenbus_frontend{initialising}};
    EXPECT_EQ(ours.hears({backend_initialising}), "");
    EXPECT_EQ(ours.hears({backend_init_wait}), "");
    EXPECT_TRUE(ours.asked(frontend_action::publish));
    EXPECT_EQ(ours.hears({rings_published}), "4") << "without Initialised, without waiting";
    EXPECT_EQ(ours.hears({backend_init_wait, backend_connected}), "");
    EXPECT_TRUE(ours.asked(frontend_action::start));
}

TEST(XenbusFrontendStory, ClosesInFourSteps) {
    frontend ours = connected_frontend();
    EXPECT_EQ(ours.hears({close_requested, backend_connected}), "5");
    EXPECT_EQ(ours.hears({backend_closing, backend_closing}), "6");
    EXPECT_FALSE(ours.asked(frontend_action::disconnect)) << "the backend may have them mapped";
    EXPECT_EQ(ours.hears({backend_closed}), "");
    EXPECT_TRUE(ours.asked(frontend_action::disconnect));
    EXPECT_EQ(ours.hears({rings_disconnected, close_requested}), "");
    EXPECT_EQ(ours.phase(), frontend_phase::finished);
}

TEST(XenbusFrontendStory, IsUnplugged) {
    frontend ours = connected_frontend();
    EXPECT_EQ(ours.hears({backend_closing, backend_closing}), "56");
    EXPECT_EQ(ours.hears({backend_closed, rings_disconnected}), "");
    EXPECT_EQ(ours.phase(), frontend_phase::closed);
    EXPECT_EQ(ours.hears({directory_lost, rings_disconnected}), "");
    EXPECT_EQ(ours.phase(), frontend_phase::finished);
}

TEST(XenbusFrontendStory, ResumesInFrontOfANewBackend) {
    frontend ours = connected_frontend();
    EXPECT_EQ(ours.hears({backend_moved}), "");
    EXPECT_TRUE(ours.asked(frontend_action::disconnect));
    EXPECT_EQ(ours.hears({rings_disconnected}), "1");
    EXPECT_EQ(ours.hears({backend_init_wait, rings_published, backend_connected}), "4");
}

TEST(XenbusFrontendStory, FindsTheBackendConnectedToSomebodyElse) {
    frontend ours{xenbus_frontend{initialising}};
    EXPECT_EQ(ours.hears({backend_connected, reconnect_requested}), "5");
    EXPECT_EQ(ours.hears({backend_closing}), "6");
    EXPECT_EQ(ours.hears({backend_closed, rings_disconnected, reconnect_requested}), "1");
    EXPECT_EQ(ours.hears({backend_closed, backend_init_wait, rings_published}), "4");
}

TEST(XenbusFrontendStory, KeepsItsRingsForABackendThatIsRestarted) {
    frontend ours = connected_frontend();
    EXPECT_EQ(ours.hears({backend_initialising, backend_init_wait}), "");
    EXPECT_TRUE(ours.asked(frontend_action::hold));
    EXPECT_EQ(ours.hears({backend_connected}), "");
    EXPECT_TRUE(ours.asked(frontend_action::start));
    EXPECT_FALSE(ours.asked(frontend_action::publish));
}

TEST(XenbusFrontendStory, ABackendThatLiesIsClosedAndCanBeTriedAgain) {
    frontend ours = connected_frontend();
    EXPECT_EQ(ours.hears({backend_misbehaved}), "5");
    EXPECT_TRUE(ours.asked(frontend_action::hold));
    EXPECT_EQ(ours.fault(), xenbus_fault::peer_misbehaved);
    EXPECT_EQ(ours.hears({backend_closing, backend_closed, rings_disconnected}), "6");
    EXPECT_EQ(ours.hears({reconnect_requested}), "1");
}

TEST(XenbusFrontendStory, ABackendWithoutWhatIsNeededIsLeft) {
    frontend ours{xenbus_frontend{initialising}};
    EXPECT_EQ(ours.hears({backend_init_wait, publish_failed, backend_init_wait}), "5");
    EXPECT_EQ(ours.fault(), xenbus_fault::unusable_peer_keys);
    EXPECT_EQ(ours.hears({backend_closing, backend_closed}), "6");
}

} // namespace
} // namespace xenring::ring
