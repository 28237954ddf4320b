// Stories of a backend, told event by event, with what the store sees of them.
#include "xenbus_teller.hpp"

#include <xenring/ring/xenbus_backend.hpp>

#include <gtest/gtest.h>

namespace xenring::ring {
namespace {

using backend = teller<xenbus_backend, backend_event, backend_action>;
using enum backend_event;
using enum xenbus_state;

backend new_backend() {
    return backend{xenbus_backend{initialising, initialising}};
}

backend connected_backend() {
    backend ours = new_backend();
    EXPECT_EQ(ours.hears({device_opened, frontend_initialising, hotplug_connected,
                          frontend_initialising, frontend_ready, rings_connected}),
              "24");
    return ours;
}

TEST(XenbusBackendStory, InitWaitComesAfterTheDeviceAndStaysUntilTheScriptIsThrough) {
    backend ours = new_backend();
    EXPECT_TRUE(ours.asked(backend_action::open_device));
    EXPECT_EQ(ours.hears({frontend_initialising}), "");
    EXPECT_EQ(ours.hears({device_opened}), "2");
    EXPECT_EQ(ours.hears({frontend_ready, frontend_ready}), "") << "no script yet";
    EXPECT_EQ(ours.hears({hotplug_connected, frontend_ready}), "");
    EXPECT_TRUE(ours.asked(backend_action::connect));
    EXPECT_EQ(ours.hears({rings_connected}), "4");
}

TEST(XenbusBackendStory, NetfrontIsRemovedAndComesBack) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({frontend_closing}), "") << "first unmap, then say so";
    EXPECT_EQ(ours.hears({rings_disconnected, frontend_closing}), "5");
    EXPECT_EQ(ours.hears({frontend_closed}), "6");
    EXPECT_EQ(ours.hears({frontend_initialising, device_opened}), "2");
    EXPECT_EQ(ours.hears({hotplug_connected, frontend_ready, rings_connected}), "4");
}

TEST(XenbusBackendStory, AToolstackUnplugs) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({removal_asked}), "");
    EXPECT_EQ(ours.hears({rings_disconnected, removal_asked, frontend_ready}), "5");
    EXPECT_EQ(ours.hears({frontend_closed}), "") << "netfront goes straight to Closed";
    EXPECT_TRUE(ours.asked(backend_action::close_device));
    EXPECT_EQ(ours.hears({device_closed}), "6");
    EXPECT_EQ(ours.phase(), backend_phase::finished);
}

TEST(XenbusBackendStory, AToolstackUnplugsAndTheGuestNeverAnswers) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({removal_asked, rings_disconnected, removal_asked, frontend_ready}), "5");
    EXPECT_TRUE(has_deadline(ours.phase()));
    EXPECT_EQ(ours.hears({deadline_passed, device_closed}), "6");
    EXPECT_EQ(ours.fault(), xenbus_fault::peer_did_not_close);
    EXPECT_EQ(ours.phase(), backend_phase::finished);
}

TEST(XenbusBackendStory, ADomainIsDestroyedAndUnpluggedAfterwards) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({frontend_gone, rings_disconnected, frontend_gone}), "5");
    EXPECT_EQ(ours.hears({device_closed, frontend_gone}), "6");
    EXPECT_EQ(ours.hears({removal_asked}), "6") << "the toolstack has written 5 over it";
    EXPECT_EQ(ours.phase(), backend_phase::finished);
}

TEST(XenbusBackendStory, AnotherDomainGetsTheSameNumber) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({directory_lost, frontend_initialising, device_closed}), "")
        << "the directory is the new domain's";
    EXPECT_TRUE(ours.asked(backend_action::close_device));
    EXPECT_EQ(ours.phase(), backend_phase::finished);
}

TEST(XenbusBackendStory, AFrontendCrashesAndComesAgainWithoutClosing) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({frontend_initialising, rings_disconnected, frontend_initialising}), "56");
    EXPECT_EQ(ours.hears({device_opened}), "2");
}

TEST(XenbusBackendStory, ACrashKernelClosesWhatItFinds) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({frontend_closing, rings_disconnected, frontend_closing}), "5");
    EXPECT_EQ(ours.hears({frontend_closed}), "6");
    EXPECT_EQ(ours.hears({frontend_initialising, device_opened}), "2");
}

TEST(XenbusBackendStory, ABackendComesBackUnderALiveGuest) {
    backend ours{xenbus_backend{xenbus_state::connected, xenbus_state::connected}};
    EXPECT_EQ(ours.hears({frontend_ready, device_opened}), "");
    EXPECT_TRUE(ours.asked(backend_action::attach));
    EXPECT_FALSE(ours.asked(backend_action::connect));
    EXPECT_EQ(ours.hears({frontend_ready, rings_connected}), "4");
}

TEST(XenbusBackendStory, AStateThatGoesBackToInitialisedChangesNothing) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({event_of_frontend(initialised)}), "");
    EXPECT_EQ(ours.phase(), backend_phase::connected);
}

TEST(XenbusBackendStory, AStateThatIsGarbageClosesTheDevice) {
    backend ours = connected_backend();
    EXPECT_EQ(ours.hears({event_of_frontend(parse_xenbus_state("-4"))}), "");
    EXPECT_EQ(ours.fault(), xenbus_fault::invalid_peer_state);
    EXPECT_EQ(ours.hears({rings_disconnected}), "5");
}

TEST(XenbusBackendStory, KeysThatAreMissingCloseTheDeviceUntilTheFrontendComesAgain) {
    backend ours = new_backend();
    EXPECT_EQ(ours.hears({device_opened, hotplug_connected, frontend_ready, connect_failed}), "25");
    EXPECT_EQ(ours.fault(), xenbus_fault::unusable_peer_keys);
    EXPECT_EQ(ours.hears({frontend_ready}), "");
    EXPECT_EQ(ours.hears({frontend_closed}), "6");
    EXPECT_EQ(ours.hears({frontend_initialising, device_opened}), "2");
}

TEST(XenbusBackendStory, AScriptThatFailsIsNamedAndTheToolstackUndoesTheRest) {
    backend ours = new_backend();
    EXPECT_EQ(ours.hears({device_opened, hotplug_failed}), "2");
    EXPECT_EQ(ours.fault(), xenbus_fault::hotplug_failed);
    EXPECT_EQ(ours.hears({removal_asked, removal_asked, frontend_initialising}), "5");
    EXPECT_EQ(ours.hears({device_closed}), "6");
}

} // namespace
} // namespace xenring::ring
