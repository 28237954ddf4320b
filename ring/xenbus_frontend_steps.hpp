#pragma once

/// The frontend's transitions, phase by phase; see xenbus_frontend.hpp, which includes this.

#include <xenring/ring/xenbus_frontend.hpp>

namespace xenring::ring::detail::frontend {

constexpr frontend_step close(xenbus_fault why = xenbus_fault::none) noexcept {
    return {frontend_phase::closing, {frontend_action::write_closing, frontend_action::look}, why};
}

/// Closing, from a phase in which frames may flow.
constexpr frontend_step hold_and_close(xenbus_fault why = xenbus_fault::none) noexcept {
    using enum frontend_action;
    return {frontend_phase::closing, {hold, write_closing, look}, why};
}

/// With nobody to wait for.
constexpr frontend_step close_at_once(xenbus_fault why = xenbus_fault::none) noexcept {
    using enum frontend_action;
    return {frontend_phase::disconnecting, {hold, write_closed, disconnect}, why};
}

/// Nothing is written any more. `disconnect` may be under way already.
constexpr frontend_step lose_directory(frontend_phase phase) noexcept {
    switch (phase) {
    case frontend_phase::disconnecting:
    case frontend_phase::moving:
    case frontend_phase::dropping:
        return {frontend_phase::dropping};
    case frontend_phase::finished:
        return {phase};
    default:
        return {frontend_phase::dropping, {frontend_action::disconnect}};
    }
}

/// The backend that we knew is no more, so nothing can be said to it.
constexpr frontend_step move(frontend_phase phase) noexcept {
    switch (phase) {
    case frontend_phase::disconnecting:
    case frontend_phase::moving:
        return {frontend_phase::moving};
    case frontend_phase::dropping:
    case frontend_phase::finished:
        return {phase};
    default:
        return {frontend_phase::moving, {frontend_action::hold, frontend_action::disconnect}};
    }
}

/// A backend that is Closed will see our Initialising and come back; one that is Connected is so
/// with somebody who was here before us.
constexpr frontend_step while_waiting(frontend_event event) noexcept {
    switch (event) {
    case frontend_event::backend_init_wait:
        return {frontend_phase::publishing, {frontend_action::publish}};
    case frontend_event::backend_connected:
    case frontend_event::backend_closing:
    case frontend_event::close_requested:
        return close();
    case frontend_event::backend_invalid:
        return {frontend_phase::waiting, {}, xenbus_fault::invalid_peer_state};
    default:
        return {frontend_phase::waiting};
    }
}

/// Nothing was said to the backend yet, so one that begins anew can be followed.
constexpr frontend_step while_publishing(frontend_event event) noexcept {
    switch (event) {
    case frontend_event::rings_published:
        return {frontend_phase::connecting,
                {frontend_action::write_connected, frontend_action::look}};
    case frontend_event::publish_failed:
        return close(xenbus_fault::unusable_peer_keys);
    case frontend_event::backend_gone:
    case frontend_event::backend_initialising:
        return move(frontend_phase::publishing);
    case frontend_event::backend_connected:
    case frontend_event::backend_closing:
    case frontend_event::backend_closed:
    case frontend_event::close_requested:
        return close();
    case frontend_event::backend_invalid:
        return close(xenbus_fault::invalid_peer_state);
    default:
        return {frontend_phase::publishing};
    }
}

/// A backend that goes back before Connected was restarted. It finds us Connected and attaches to
/// the rings as they are, so they are kept.
constexpr frontend_step with_rings(frontend_phase phase, frontend_event event) noexcept {
    const bool flowing = phase == frontend_phase::connected;
    switch (event) {
    case frontend_event::backend_connected:
        if (flowing)
            return {phase};
        return {frontend_phase::connected, {frontend_action::start}};
    case frontend_event::backend_initialising:
    case frontend_event::backend_init_wait:
    case frontend_event::backend_initialised:
        if (!flowing)
            return {phase};
        return {frontend_phase::connecting, {frontend_action::hold}};
    case frontend_event::backend_gone:
        return close_at_once();
    case frontend_event::backend_closing:
    case frontend_event::backend_closed:
    case frontend_event::close_requested:
        return hold_and_close();
    case frontend_event::reconnect_requested: // else it is just being done
        return flowing ? hold_and_close() : frontend_step{phase};
    case frontend_event::backend_invalid:
        return hold_and_close(xenbus_fault::invalid_peer_state);
    case frontend_event::backend_misbehaved:
        return hold_and_close(xenbus_fault::peer_misbehaved);
    default:
        return {phase};
    }
}

constexpr frontend_step while_closing(frontend_event event) noexcept {
    using enum frontend_action;
    switch (event) {
    case frontend_event::backend_closing:
    case frontend_event::backend_closed: // its Closing was missed
        return {frontend_phase::parting, {write_closed, look}};
    case frontend_event::backend_gone:
        return close_at_once();
    case frontend_event::deadline_passed:
        return close_at_once(xenbus_fault::peer_did_not_close);
    default:
        return {frontend_phase::closing};
    }
}

/// A backend that began anew may have our rings mapped already, so Closed alone counts. It will say
/// it when it sees ours.
constexpr frontend_step while_parting(frontend_event event) noexcept {
    switch (event) {
    case frontend_event::backend_closed:
    case frontend_event::backend_gone:
        return {frontend_phase::disconnecting, {frontend_action::disconnect}};
    case frontend_event::deadline_passed:
        return {frontend_phase::disconnecting,
                {frontend_action::disconnect},
                xenbus_fault::peer_did_not_close};
    default:
        return {frontend_phase::parting};
    }
}

constexpr frontend_step while_closed(frontend_event event) noexcept {
    switch (event) {
    case frontend_event::close_requested:
        return {frontend_phase::finished};
    case frontend_event::reconnect_requested:
        return {frontend_phase::waiting,
                {frontend_action::write_initialising, frontend_action::look}};
    default:
        return {frontend_phase::closed};
    }
}

/// The end of a disconnect that was begun in `phase`.
constexpr frontend_step while_revoking(frontend_phase phase, frontend_event event) noexcept {
    using enum frontend_action;
    if (event != frontend_event::rings_disconnected)
        return {phase};
    switch (phase) {
    case frontend_phase::disconnecting:
        return {frontend_phase::closed, {look}};
    case frontend_phase::moving:
        return {frontend_phase::waiting, {write_initialising, look}};
    default:
        return {frontend_phase::finished};
    }
}

} // namespace xenring::ring::detail::frontend

namespace xenring::ring {

constexpr frontend_step step(frontend_phase phase, frontend_event event) noexcept {
    using enum frontend_phase;
    if (event == frontend_event::directory_lost)
        return detail::frontend::lose_directory(phase);
    if (event == frontend_event::backend_moved)
        return detail::frontend::move(phase);
    switch (phase) {
    case waiting:
        return detail::frontend::while_waiting(event);
    case publishing:
        return detail::frontend::while_publishing(event);
    case connecting:
    case connected:
        return detail::frontend::with_rings(phase, event);
    case closing:
        return detail::frontend::while_closing(event);
    case parting:
        return detail::frontend::while_parting(event);
    case closed:
        return detail::frontend::while_closed(event);
    case disconnecting:
    case moving:
    case dropping:
        return detail::frontend::while_revoking(phase, event);
    case finished:
        break;
    }
    return {phase};
}

} // namespace xenring::ring
