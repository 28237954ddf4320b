#include "xenbus_table.hpp"

#include <xenring/ring/xenbus_backend.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace xenring::ring {
namespace {

using enum backend_phase;
using enum backend_event;
using enum backend_action;
using row = xenbus_row<backend_phase, backend_event, backend_step>;

const xenbus_fault device = xenbus_fault::device_failed;
const xenbus_fault state = xenbus_fault::invalid_peer_state;
const xenbus_fault keys = xenbus_fault::unusable_peer_keys;
const xenbus_fault rules = xenbus_fault::peer_misbehaved;
const xenbus_fault late = xenbus_fault::peer_did_not_close;

const std::vector<row> table = {
    {opening, {device_opened}, {waiting_hotplug, {publish, write_init_wait, look}}},
    {opening, {device_failed}, {broken, {write_closing, look}, device}},
    {opening, {frontend_gone}, {clearing, {close_device}}},
    {opening, {removal_asked}, {releasing, {close_device}}},
    {opening, {directory_lost}, {dropping, {close_device}}},
    {opening,
     {device_closed, hotplug_connected, hotplug_failed, frontend_initialising, frontend_ready,
      frontend_closing, frontend_closed, frontend_invalid, rings_connected, connect_failed,
      rings_disconnected, frontend_misbehaved, deadline_passed},
     {opening}},

    {resuming, {device_opened}, {connecting, {attach, look}}},
    {resuming, {device_failed}, {broken, {write_closing, look}, device}},
    {resuming, {frontend_gone}, {clearing, {close_device}}},
    {resuming,
     {frontend_initialising, frontend_closing, frontend_closed, removal_asked},
     {closing, {write_closing, look}}},
    {resuming, {frontend_invalid}, {closing, {write_closing, look}, state}},
    {resuming, {directory_lost}, {dropping, {close_device}}},
    {resuming,
     {device_closed, hotplug_connected, hotplug_failed, frontend_ready, rings_connected,
      connect_failed, rings_disconnected, frontend_misbehaved, deadline_passed},
     {resuming}},

    {waiting_hotplug, {device_failed}, {broken, {write_closing, look}, device}},
    {waiting_hotplug, {hotplug_connected}, {waiting_frontend, {look}}},
    {waiting_hotplug, {hotplug_failed}, {waiting_hotplug, {}, xenbus_fault::hotplug_failed}},
    {waiting_hotplug,
     {frontend_closing, frontend_closed, removal_asked},
     {closing, {write_closing, look}}},
    {waiting_hotplug, {frontend_invalid}, {closing, {write_closing, look}, state}},
    {waiting_hotplug, {frontend_gone}, {clearing, {close_device}}},
    {waiting_hotplug, {directory_lost}, {dropping, {close_device}}},
    {waiting_hotplug,
     {device_opened, device_closed, frontend_initialising, frontend_ready, rings_connected,
      connect_failed, rings_disconnected, frontend_misbehaved, deadline_passed},
     {waiting_hotplug}},

    {waiting_frontend, {device_failed}, {broken, {write_closing, look}, device}},
    {waiting_frontend, {frontend_ready}, {connecting, {connect}}},
    {waiting_frontend,
     {frontend_closing, frontend_closed, removal_asked},
     {closing, {write_closing, look}}},
    {waiting_frontend, {frontend_invalid}, {closing, {write_closing, look}, state}},
    {waiting_frontend, {frontend_gone}, {clearing, {close_device}}},
    {waiting_frontend, {directory_lost}, {dropping, {close_device}}},
    {waiting_frontend,
     {device_opened, device_closed, hotplug_connected, hotplug_failed, frontend_initialising,
      rings_connected, connect_failed, rings_disconnected, frontend_misbehaved, deadline_passed},
     {waiting_frontend}},

    {connecting, {rings_connected}, {connected, {write_connected}}},
    {connecting, {connect_failed}, {closing, {write_closing, look}, keys}},
    {connecting, {device_failed}, {breaking, {disconnect}, device}},
    {connecting, {frontend_misbehaved}, {disconnecting, {disconnect}, rules}},
    {connecting, {frontend_invalid}, {disconnecting, {disconnect}, state}},
    {connecting,
     {frontend_gone, frontend_initialising, frontend_closing, frontend_closed, removal_asked},
     {disconnecting, {disconnect}}},
    {connecting, {directory_lost}, {dropping, {close_device}}},
    {connecting,
     {device_opened, device_closed, hotplug_connected, hotplug_failed, frontend_ready,
      rings_disconnected, deadline_passed},
     {connecting}},

    {connected, {device_failed}, {breaking, {disconnect}, device}},
    {connected, {frontend_misbehaved}, {disconnecting, {disconnect}, rules}},
    {connected, {frontend_invalid}, {disconnecting, {disconnect}, state}},
    {connected,
     {frontend_gone, frontend_initialising, frontend_closing, frontend_closed, removal_asked},
     {disconnecting, {disconnect}}},
    {connected, {directory_lost}, {dropping, {close_device}}},
    {connected,
     {device_opened, device_closed, hotplug_connected, hotplug_failed, frontend_ready,
      rings_connected, connect_failed, rings_disconnected, deadline_passed},
     {connected}},

    {disconnecting, {rings_disconnected}, {closing, {write_closing, look}}},
    {disconnecting, {device_failed}, {breaking, {}, device}},
    {disconnecting, {directory_lost}, {dropping, {close_device}}},
    {disconnecting,
     {device_opened, device_closed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_initialising, frontend_ready, frontend_closing, frontend_closed, frontend_invalid,
      rings_connected, connect_failed, frontend_misbehaved, removal_asked, deadline_passed},
     {disconnecting}},

    {breaking, {rings_disconnected}, {broken, {write_closing, look}}},
    {breaking, {directory_lost}, {dropping, {close_device}}},
    {breaking,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_initialising, frontend_ready, frontend_closing, frontend_closed, frontend_invalid,
      rings_connected, connect_failed, frontend_misbehaved, removal_asked, deadline_passed},
     {breaking}},

    {closing, {frontend_initialising}, {opening, {write_closed, open_device}}},
    {closing, {frontend_closed}, {closed, {write_closed}}},
    {closing, {frontend_gone}, {clearing, {close_device}}},
    {closing, {removal_asked}, {unplugging, {look}}},
    {closing, {deadline_passed}, {abandoned, {write_closed}, late}},
    {closing, {directory_lost}, {dropping, {close_device}}},
    {closing,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed,
      frontend_ready, frontend_closing, frontend_invalid, rings_connected, connect_failed,
      rings_disconnected, frontend_misbehaved},
     {closing}},

    {broken, {frontend_closed}, {closed, {write_closed}}},
    {broken, {frontend_gone}, {clearing, {close_device}}},
    {broken, {removal_asked}, {unplugging, {look}}},
    {broken, {deadline_passed}, {failed, {write_closed}, late}},
    {broken, {directory_lost}, {dropping, {close_device}}},
    {broken,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed,
      frontend_initialising, frontend_ready, frontend_closing, frontend_invalid, rings_connected,
      connect_failed, rings_disconnected, frontend_misbehaved},
     {broken}},

    {abandoned, {frontend_initialising}, {opening, {open_device}}},
    {abandoned, {frontend_closing}, {closing, {write_closing, look}}},
    {abandoned, {frontend_closed}, {closed}},
    {abandoned, {frontend_gone}, {clearing, {close_device}}},
    {abandoned, {removal_asked}, {releasing, {close_device}}},
    {abandoned, {directory_lost}, {dropping, {close_device}}},
    {abandoned,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed,
      frontend_ready, frontend_invalid, rings_connected, connect_failed, rings_disconnected,
      frontend_misbehaved, deadline_passed},
     {abandoned}},

    {failed, {frontend_closed}, {closed}},
    {failed, {frontend_gone}, {clearing, {close_device}}},
    {failed, {removal_asked}, {releasing, {close_device}}},
    {failed, {directory_lost}, {dropping, {close_device}}},
    {failed,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed,
      frontend_initialising, frontend_ready, frontend_closing, frontend_invalid, rings_connected,
      connect_failed, rings_disconnected, frontend_misbehaved, deadline_passed},
     {failed}},

    {closed, {frontend_initialising, frontend_ready}, {opening, {open_device}}},
    {closed, {frontend_closing}, {closing, {write_closing, look}}},
    {closed, {frontend_gone}, {clearing, {close_device}}},
    {closed, {removal_asked}, {releasing, {close_device}}},
    {closed, {directory_lost}, {dropping, {close_device}}},
    {closed,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed,
      frontend_closed, frontend_invalid, rings_connected, connect_failed, rings_disconnected,
      frontend_misbehaved, deadline_passed},
     {closed}},

    {unplugging,
     {frontend_initialising, frontend_closed, frontend_gone},
     {releasing, {close_device}}},
    {unplugging, {deadline_passed}, {releasing, {close_device}, late}},
    {unplugging, {directory_lost}, {dropping, {close_device}}},
    {unplugging,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed,
      frontend_ready, frontend_closing, frontend_invalid, rings_connected, connect_failed,
      rings_disconnected, frontend_misbehaved, removal_asked},
     {unplugging}},

    {clearing, {device_closed}, {deserted, {write_closed, look}}},
    {clearing, {removal_asked}, {releasing}},
    {clearing, {directory_lost}, {dropping}},
    {clearing,
     {device_opened, device_failed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_initialising, frontend_ready, frontend_closing, frontend_closed, frontend_invalid,
      rings_connected, connect_failed, rings_disconnected, frontend_misbehaved, deadline_passed},
     {clearing}},

    {deserted, {frontend_initialising}, {opening, {open_device}}},
    {deserted, {removal_asked}, {finished, {write_closed}}},
    {deserted, {directory_lost}, {finished}},
    {deserted,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_ready, frontend_closing, frontend_closed, frontend_invalid, rings_connected,
      connect_failed, rings_disconnected, frontend_misbehaved, deadline_passed},
     {deserted}},

    {releasing, {device_closed}, {finished, {write_closed}}},
    {releasing, {directory_lost}, {dropping}},
    {releasing,
     {device_opened, device_failed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_initialising, frontend_ready, frontend_closing, frontend_closed, frontend_invalid,
      rings_connected, connect_failed, rings_disconnected, frontend_misbehaved, removal_asked,
      deadline_passed},
     {releasing}},

    {dropping, {device_closed}, {finished}},
    {dropping,
     {device_opened, device_failed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_initialising, frontend_ready, frontend_closing, frontend_closed, frontend_invalid,
      rings_connected, connect_failed, rings_disconnected, frontend_misbehaved, removal_asked,
      directory_lost, deadline_passed},
     {dropping}},

    {finished,
     {device_opened, device_failed, device_closed, hotplug_connected, hotplug_failed, frontend_gone,
      frontend_initialising, frontend_ready, frontend_closing, frontend_closed, frontend_invalid,
      rings_connected, connect_failed, rings_disconnected, frontend_misbehaved, removal_asked,
      directory_lost, deadline_passed},
     {finished}},
};

TEST(XenbusBackend, EveryEventInEveryPhaseDoesWhatTheTableSays) {
    check_table(table, backend_phase_count, backend_event_count,
                [](backend_phase phase, backend_event event) { return step(phase, event); });
}

TEST(XenbusBackend, TheLastPhaseAndEventAreCounted) {
    EXPECT_EQ(std::size_t(finished) + 1, backend_phase_count);
    EXPECT_EQ(std::size_t(deadline_passed) + 1, backend_event_count);
}

TEST(XenbusBackend, OnlyPhasesThatWaitForAFrontendToCloseHaveADeadline) {
    for (std::size_t p = 0; p != backend_phase_count; ++p) {
        const auto phase = static_cast<backend_phase>(p);
        const bool timer_matters = !(step(phase, deadline_passed) == backend_step{phase});
        EXPECT_EQ(has_deadline(phase), timer_matters) << p;
    }
}

TEST(XenbusBackend, AFrontendsStateIsAnEvent) {
    EXPECT_EQ(event_of_frontend(xenbus_state::unknown), frontend_gone);
    EXPECT_EQ(event_of_frontend(xenbus_state::initialising), frontend_initialising);
    EXPECT_EQ(event_of_frontend(xenbus_state::init_wait), frontend_invalid);
    EXPECT_EQ(event_of_frontend(xenbus_state::initialised), frontend_ready);
    EXPECT_EQ(event_of_frontend(xenbus_state::connected), frontend_ready);
    EXPECT_EQ(event_of_frontend(xenbus_state::closing), frontend_closing);
    EXPECT_EQ(event_of_frontend(xenbus_state::closed), frontend_closed);
    EXPECT_EQ(event_of_frontend(xenbus_state::reconfiguring), frontend_invalid);
    EXPECT_EQ(event_of_frontend(xenbus_state::reconfigured), frontend_invalid);
    EXPECT_EQ(event_of_frontend(std::nullopt), frontend_invalid) << "garbage";
}

TEST(XenbusBackend, BeginsByWhatTheStoreSays) {
    const backend_step fresh{opening, {open_device, look}};
    const backend_step live{resuming, {open_device, look}};
    const backend_step close_first{closing, {write_closing, look}};
    const auto begin = [](int own, int frontend) {
        return backend_begin(static_cast<xenbus_state>(own), static_cast<xenbus_state>(frontend));
    };
    for (int frontend = 0; frontend != 9; ++frontend) {
        const bool ready = frontend == 3 || frontend == 4;
        EXPECT_EQ(begin(0, frontend), backend_step{finished});
        for (const int own : {1, 2, 3})
            EXPECT_EQ(begin(own, frontend), fresh) << own << ' ' << frontend;
        EXPECT_EQ(begin(4, frontend), ready ? live : close_first) << frontend;
        EXPECT_EQ(begin(5, frontend), (backend_step{closing, {look}}));
        EXPECT_EQ(begin(6, frontend), (backend_step{abandoned, {look}}));
        for (const int own : {7, 8})
            EXPECT_EQ(begin(own, frontend), close_first);
    }
    EXPECT_EQ(backend_begin(xenbus_state::connected, std::nullopt), close_first);
    EXPECT_EQ(backend_begin(std::nullopt, xenbus_state::connected), close_first);
}

TEST(XenbusBackend, KeepsItsPhaseFromStepToStep) {
    xenbus_backend half{xenbus_state::initialising, xenbus_state::initialising};
    EXPECT_EQ(half.first_actions(), (backend_actions{open_device, look}));
    EXPECT_EQ(half.handle(device_opened).next, waiting_hotplug);
    EXPECT_EQ(half.handle(hotplug_connected).actions, backend_actions{look});
    EXPECT_EQ(half.phase(), waiting_frontend);
}

} // namespace
} // namespace xenring::ring
