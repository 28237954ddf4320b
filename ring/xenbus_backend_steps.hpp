#pragma once

/// The backend's transitions, phase by phase; see xenbus_backend.hpp, which includes this.

#include <xenring/ring/xenbus_backend.hpp>

namespace xenring::ring::detail::backend {

/// Closing begins only when nothing is mapped any more: Closing tells the frontend that it may take
/// its pages back.
constexpr backend_step close(xenbus_fault why = xenbus_fault::none) noexcept {
    return {backend_phase::closing, {backend_action::write_closing, backend_action::look}, why};
}

constexpr backend_step disconnect(xenbus_fault why = xenbus_fault::none) noexcept {
    return {backend_phase::disconnecting, {backend_action::disconnect}, why};
}

constexpr backend_step release() noexcept {
    return {backend_phase::releasing, {backend_action::close_device}};
}

constexpr backend_step clear() noexcept {
    return {backend_phase::clearing, {backend_action::close_device}};
}

/// Nothing is written any more: the directory may be another device's by now.
constexpr backend_step lose_directory(backend_phase phase) noexcept {
    switch (phase) {
    case backend_phase::clearing: // close_device is under way
    case backend_phase::releasing:
        return {backend_phase::dropping};
    case backend_phase::deserted:
        return {backend_phase::finished};
    case backend_phase::dropping:
    case backend_phase::finished:
        return {phase};
    default:
        return {backend_phase::dropping, {backend_action::close_device}};
    }
}

/// Open our device first and say InitWait only after it: the toolstack takes InitWait as a sign
/// that the hotplug script will find a network interface.
constexpr backend_step while_opening(backend_event event) noexcept {
    using enum backend_action;
    switch (event) {
    case backend_event::device_opened:
        return {backend_phase::waiting_hotplug, {publish, write_init_wait, look}};
    case backend_event::device_failed:
        return {backend_phase::broken, {write_closing, look}, xenbus_fault::device_failed};
    case backend_event::frontend_gone:
        return clear();
    case backend_event::removal_asked:
        return release();
    default:
        return {backend_phase::opening};
    }
}

constexpr backend_step while_resuming(backend_event event) noexcept {
    using enum backend_action;
    switch (event) {
    case backend_event::device_opened:
        return {backend_phase::connecting, {attach, look}};
    case backend_event::device_failed:
        return {backend_phase::broken, {write_closing, look}, xenbus_fault::device_failed};
    case backend_event::frontend_gone:
        return clear();
    case backend_event::frontend_initialising:
    case backend_event::frontend_closing:
    case backend_event::frontend_closed:
    case backend_event::removal_asked:
        return close();
    case backend_event::frontend_invalid:
        return close(xenbus_fault::invalid_peer_state);
    default:
        return {backend_phase::resuming};
    }
}

/// InitWait is written, nothing is mapped. Hotplug first and the frontend after it: that Connected
/// comes after both is all that is asked, and a frontend that is there already is looked at again.
constexpr backend_step while_waiting(backend_phase phase, backend_event event) noexcept {
    using enum backend_action;
    const bool hotplug_done = phase == backend_phase::waiting_frontend;
    switch (event) {
    case backend_event::device_failed:
        return {backend_phase::broken, {write_closing, look}, xenbus_fault::device_failed};
    case backend_event::hotplug_connected:
        if (hotplug_done)
            return {phase};
        return {backend_phase::waiting_frontend, {look}};
    case backend_event::hotplug_failed: // the toolstack will unplug, or try again
        if (hotplug_done)
            return {phase};
        return {phase, {}, xenbus_fault::hotplug_failed};
    case backend_event::frontend_ready:
        if (!hotplug_done)
            return {phase};
        return {backend_phase::connecting, {connect}};
    case backend_event::frontend_closing:
    case backend_event::frontend_closed:
    case backend_event::removal_asked:
        return close();
    case backend_event::frontend_invalid:
        return close(xenbus_fault::invalid_peer_state);
    case backend_event::frontend_gone:
        return clear();
    default:
        return {phase};
    }
}

/// Rings are mapped, or are being mapped.
constexpr backend_step with_rings(backend_phase phase, backend_event event) noexcept {
    const bool connecting = phase == backend_phase::connecting;
    switch (event) {
    case backend_event::rings_connected:
        if (!connecting)
            return {phase};
        return {backend_phase::connected, {backend_action::write_connected}};
    case backend_event::connect_failed:
        return connecting ? close(xenbus_fault::unusable_peer_keys) : backend_step{phase};
    case backend_event::device_failed:
        return {backend_phase::breaking, {backend_action::disconnect}, xenbus_fault::device_failed};
    case backend_event::frontend_misbehaved:
        return disconnect(xenbus_fault::peer_misbehaved);
    case backend_event::frontend_invalid:
        return disconnect(xenbus_fault::invalid_peer_state);
    case backend_event::frontend_gone:
    case backend_event::frontend_initialising: // it crashed and came again without closing
    case backend_event::frontend_closing:
    case backend_event::frontend_closed:
    case backend_event::removal_asked:
        return disconnect();
    default:
        return {phase};
    }
}

constexpr backend_step while_disconnecting(backend_phase phase, backend_event event) noexcept {
    const bool device_works = phase == backend_phase::disconnecting;
    switch (event) {
    case backend_event::rings_disconnected:
        if (device_works)
            return close();
        return {backend_phase::broken, {backend_action::write_closing, backend_action::look}};
    case backend_event::device_failed:
        return {backend_phase::breaking,
                {},
                device_works ? xenbus_fault::device_failed : xenbus_fault::none};
    default:
        return {phase};
    }
}

/// Closing is written. A frontend that is ahead (initialising again) needs Closed written all the
/// same: some wait for every state on the way.
constexpr backend_step while_closing(backend_phase phase, backend_event event) noexcept {
    using enum backend_action;
    const bool device_works = phase == backend_phase::closing;
    switch (event) {
    case backend_event::frontend_initialising:
        if (!device_works)
            return {phase};
        return {backend_phase::opening, {write_closed, open_device}};
    case backend_event::frontend_closed:
        return {backend_phase::closed, {write_closed}};
    case backend_event::frontend_gone:
        return clear();
    case backend_event::removal_asked:
        return {backend_phase::unplugging, {look}};
    case backend_event::deadline_passed:
        return {device_works ? backend_phase::abandoned : backend_phase::failed,
                {write_closed},
                xenbus_fault::peer_did_not_close};
    default:
        return {phase};
    }
}

/// Closed is written, the frontend may be anywhere. Only one that has closed its end since may
/// come back without Initialising, and a broken device is tried again only then.
constexpr backend_step while_closed(backend_phase phase, backend_event event) noexcept {
    using enum backend_action;
    switch (event) {
    case backend_event::frontend_initialising:
        if (phase == backend_phase::failed)
            return {phase};
        return {backend_phase::opening, {open_device}};
    case backend_event::frontend_ready:
        if (phase != backend_phase::closed)
            return {phase};
        return {backend_phase::opening, {open_device}};
    case backend_event::frontend_closing: // it waits for our Closing, and has seen Closed at most
        if (phase == backend_phase::failed)
            return {phase};
        return {backend_phase::closing, {write_closing, look}};
    case backend_event::frontend_closed:
        return {backend_phase::closed};
    case backend_event::frontend_gone:
        return clear();
    case backend_event::removal_asked:
        return release();
    default:
        return {phase};
    }
}

/// Nothing is mapped, so a frontend that has not connected again need not be waited for.
constexpr backend_step while_unplugging(backend_event event) noexcept {
    switch (event) {
    case backend_event::frontend_initialising:
    case backend_event::frontend_closed:
    case backend_event::frontend_gone:
        return release();
    case backend_event::deadline_passed:
        return {backend_phase::releasing,
                {backend_action::close_device},
                xenbus_fault::peer_did_not_close};
    default:
        return {backend_phase::unplugging};
    }
}

/// A toolstack that destroys a domain may unplug only now, and waits for 6 then.
constexpr backend_step while_leaving(backend_phase phase, backend_event event) noexcept {
    using enum backend_phase;
    const bool closed_device = event == backend_event::device_closed;
    const bool removal = event == backend_event::removal_asked;
    switch (phase) {
    case clearing:
        if (removal)
            return {releasing};
        if (closed_device)
            return {deserted, {backend_action::write_closed, backend_action::look}};
        break;
    case deserted:
        if (removal)
            return {finished, {backend_action::write_closed}};
        if (event == backend_event::frontend_initialising)
            return {opening, {backend_action::open_device}};
        break;
    case releasing:
        if (closed_device)
            return {finished, {backend_action::write_closed}};
        break;
    default:
        if (closed_device)
            return {finished};
        break;
    }
    return {phase};
}

} // namespace xenring::ring::detail::backend

namespace xenring::ring {

constexpr backend_step step(backend_phase phase, backend_event event) noexcept {
    using enum backend_phase;
    if (event == backend_event::directory_lost)
        return detail::backend::lose_directory(phase);
    switch (phase) {
    case opening:
        return detail::backend::while_opening(event);
    case resuming:
        return detail::backend::while_resuming(event);
    case waiting_hotplug:
    case waiting_frontend:
        return detail::backend::while_waiting(phase, event);
    case connecting:
    case connected:
        return detail::backend::with_rings(phase, event);
    case disconnecting:
    case breaking:
        return detail::backend::while_disconnecting(phase, event);
    case closing:
    case broken:
        return detail::backend::while_closing(phase, event);
    case abandoned:
    case failed:
    case closed:
        return detail::backend::while_closed(phase, event);
    case unplugging:
        return detail::backend::while_unplugging(event);
    case clearing:
    case deserted:
    case releasing:
    case dropping:
        return detail::backend::while_leaving(phase, event);
    case finished:
        break;
    }
    return {phase};
}

} // namespace xenring::ring
