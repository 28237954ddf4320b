#include "xenbus_table.hpp"

#include <xenring/ring/xenbus_frontend.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace xenring::ring {
namespace {

using enum frontend_phase;
using enum frontend_event;
using enum frontend_action;
using row = xenbus_row<frontend_phase, frontend_event, frontend_step>;

const xenbus_fault state = xenbus_fault::invalid_peer_state;
const xenbus_fault keys = xenbus_fault::unusable_peer_keys;
const xenbus_fault rules = xenbus_fault::peer_misbehaved;
const xenbus_fault late = xenbus_fault::peer_did_not_close;

const std::vector<row> table = {
    {waiting, {backend_init_wait}, {publishing, {publish}}},
    {waiting,
     {backend_connected, backend_closing, close_requested},
     {closing, {write_closing, look}}},
    {waiting, {backend_invalid}, {waiting, {}, state}},
    {waiting, {backend_moved}, {moving, {hold, disconnect}}},
    {waiting, {directory_lost}, {dropping, {disconnect}}},
    {waiting,
     {backend_gone, backend_initialising, backend_initialised, backend_closed, backend_reconfigures,
      rings_published, publish_failed, rings_disconnected, backend_misbehaved, reconnect_requested,
      deadline_passed},
     {waiting}},

    {publishing, {rings_published}, {connecting, {write_connected, look}}},
    {publishing, {publish_failed}, {closing, {write_closing, look}, keys}},
    {publishing, {backend_gone, backend_initialising, backend_moved}, {moving, {hold, disconnect}}},
    {publishing,
     {backend_connected, backend_closing, backend_closed, close_requested},
     {closing, {write_closing, look}}},
    {publishing, {backend_invalid}, {closing, {write_closing, look}, state}},
    {publishing, {directory_lost}, {dropping, {disconnect}}},
    {publishing,
     {backend_init_wait, backend_initialised, backend_reconfigures, rings_disconnected,
      backend_misbehaved, reconnect_requested, deadline_passed},
     {publishing}},

    {connecting, {backend_connected}, {connected, {start}}},
    {connecting, {backend_gone}, {disconnecting, {hold, write_closed, disconnect}}},
    {connecting,
     {backend_closing, backend_closed, close_requested},
     {closing, {hold, write_closing, look}}},
    {connecting, {backend_invalid}, {closing, {hold, write_closing, look}, state}},
    {connecting, {backend_misbehaved}, {closing, {hold, write_closing, look}, rules}},
    {connecting, {backend_moved}, {moving, {hold, disconnect}}},
    {connecting, {directory_lost}, {dropping, {disconnect}}},
    {connecting,
     {backend_initialising, backend_init_wait, backend_initialised, backend_reconfigures,
      rings_published, publish_failed, rings_disconnected, reconnect_requested, deadline_passed},
     {connecting}},

    {connected,
     {backend_initialising, backend_init_wait, backend_initialised},
     {connecting, {hold}}},
    {connected, {backend_gone}, {disconnecting, {hold, write_closed, disconnect}}},
    {connected,
     {backend_closing, backend_closed, close_requested, reconnect_requested},
     {closing, {hold, write_closing, look}}},
    {connected, {backend_invalid}, {closing, {hold, write_closing, look}, state}},
    {connected, {backend_misbehaved}, {closing, {hold, write_closing, look}, rules}},
    {connected, {backend_moved}, {moving, {hold, disconnect}}},
    {connected, {directory_lost}, {dropping, {disconnect}}},
    {connected,
     {backend_connected, backend_reconfigures, rings_published, publish_failed, rings_disconnected,
      deadline_passed},
     {connected}},

    {closing, {backend_closing, backend_closed}, {parting, {write_closed, look}}},
    {closing, {backend_gone}, {disconnecting, {hold, write_closed, disconnect}}},
    {closing, {deadline_passed}, {disconnecting, {hold, write_closed, disconnect}, late}},
    {closing, {backend_moved}, {moving, {hold, disconnect}}},
    {closing, {directory_lost}, {dropping, {disconnect}}},
    {closing,
     {backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_reconfigures, backend_invalid, rings_published, publish_failed, rings_disconnected,
      backend_misbehaved, close_requested, reconnect_requested},
     {closing}},

    {parting, {backend_gone, backend_closed}, {disconnecting, {disconnect}}},
    {parting, {deadline_passed}, {disconnecting, {disconnect}, late}},
    {parting, {backend_moved}, {moving, {hold, disconnect}}},
    {parting, {directory_lost}, {dropping, {disconnect}}},
    {parting,
     {backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_closing, backend_reconfigures, backend_invalid, rings_published, publish_failed,
      rings_disconnected, backend_misbehaved, close_requested, reconnect_requested},
     {parting}},

    {disconnecting, {rings_disconnected}, {closed, {look}}},
    {disconnecting, {backend_moved}, {moving}},
    {disconnecting, {directory_lost}, {dropping}},
    {disconnecting,
     {backend_gone, backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_closing, backend_closed, backend_reconfigures, backend_invalid, rings_published,
      publish_failed, backend_misbehaved, close_requested, reconnect_requested, deadline_passed},
     {disconnecting}},

    {closed, {close_requested}, {finished}},
    {closed, {reconnect_requested}, {waiting, {write_initialising, look}}},
    {closed, {backend_moved}, {moving, {hold, disconnect}}},
    {closed, {directory_lost}, {dropping, {disconnect}}},
    {closed,
     {backend_gone, backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_closing, backend_closed, backend_reconfigures, backend_invalid, rings_published,
      publish_failed, rings_disconnected, backend_misbehaved, deadline_passed},
     {closed}},

    {moving, {rings_disconnected}, {waiting, {write_initialising, look}}},
    {moving, {directory_lost}, {dropping}},
    {moving,
     {backend_gone, backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_closing, backend_closed, backend_reconfigures, backend_invalid, rings_published,
      publish_failed, backend_misbehaved, close_requested, reconnect_requested, backend_moved,
      deadline_passed},
     {moving}},

    {dropping, {rings_disconnected}, {finished}},
    {dropping,
     {backend_gone, backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_closing, backend_closed, backend_reconfigures, backend_invalid, rings_published,
      publish_failed, backend_misbehaved, close_requested, reconnect_requested, backend_moved,
      directory_lost, deadline_passed},
     {dropping}},

    {finished,
     {backend_gone, backend_initialising, backend_init_wait, backend_initialised, backend_connected,
      backend_closing, backend_closed, backend_reconfigures, backend_invalid, rings_published,
      publish_failed, rings_disconnected, backend_misbehaved, close_requested, reconnect_requested,
      backend_moved, directory_lost, deadline_passed},
     {finished}},
};

TEST(XenbusFrontend, EveryEventInEveryPhaseDoesWhatTheTableSays) {
    check_table(table, frontend_phase_count, frontend_event_count,
                [](frontend_phase phase, frontend_event event) { return step(phase, event); });
}

TEST(XenbusFrontend, TheLastPhaseAndEventAreCounted) {
    EXPECT_EQ(std::size_t(finished) + 1, frontend_phase_count);
    EXPECT_EQ(std::size_t(deadline_passed) + 1, frontend_event_count);
}

TEST(XenbusFrontend, OnlyPhasesThatWaitForABackendToCloseHaveADeadline) {
    for (std::size_t p = 0; p != frontend_phase_count; ++p) {
        const auto phase = static_cast<frontend_phase>(p);
        const bool timer_matters = !(step(phase, deadline_passed) == frontend_step{phase});
        EXPECT_EQ(has_deadline(phase), timer_matters) << p;
    }
}

TEST(XenbusFrontend, ABackendsStateIsAnEvent) {
    const std::vector<frontend_event> events = {
        backend_gone,        backend_initialising, backend_init_wait,
        backend_initialised, backend_connected,    backend_closing,
        backend_closed,      backend_reconfigures, backend_reconfigures};
    for (std::size_t value = 0; value != events.size(); ++value)
        EXPECT_EQ(event_of_backend(static_cast<xenbus_state>(value)), events[value]) << value;
    EXPECT_EQ(event_of_backend(std::nullopt), backend_invalid) << "garbage";
}

TEST(XenbusFrontend, BeginsByItsOwnStateInTheStore) {
    const frontend_step close_first{closing, {write_closing, look}};
    const std::vector<frontend_step> begins = {
        {finished},        {waiting, {look}}, close_first, close_first, close_first,
        {closing, {look}}, {parting, {look}}, close_first, close_first};
    for (std::size_t value = 0; value != begins.size(); ++value)
        EXPECT_EQ(frontend_begin(static_cast<xenbus_state>(value)), begins[value]) << value;
    EXPECT_EQ(frontend_begin(std::nullopt), close_first) << "garbage";
}

TEST(XenbusFrontend, KeepsItsPhaseFromStepToStep) {
    xenbus_frontend half{xenbus_state::initialising};
    EXPECT_EQ(half.first_actions(), frontend_actions{look});
    EXPECT_EQ(half.handle(backend_init_wait).actions, frontend_actions{publish});
    EXPECT_EQ(half.handle(rings_published).next, connecting);
    EXPECT_EQ(half.phase(), connecting);
}

} // namespace
} // namespace xenring::ring
