#pragma once

/// The backend's half of the xenbus handshake: events in, actions out; no store, no clock, no heap.
///
///     opening -> waiting_hotplug -> waiting_frontend -> connecting -> connected
///        ^                                                               |
///        +---- closed <------- closing <------- disconnecting <----------+
///
/// Says to a frontend and to a toolstack what Linux's xen-netback says. A toolstack (libxl) makes
/// the directory with state 1, waits 10 s for exactly 2, and has the hotplug script run, which ends
/// by writing "hotplug-status"; only then may 4 be written. To unplug, it sets "online" to 0 and
/// "state" to 5, waits 10 s for 6 and removes the directory itself.
///
/// The half remembers nothing that others wrote. An event that its phase has no use for is dropped,
/// and `look` asks for what stands to be reported again; so it makes no difference whether watches
/// come late, twice, or once for several changes.
///
/// Duties of the caller:
///  - run the actions of a step in their order and to their end before handing in the next event
///    (open_device, connect, attach, disconnect and close_device only begin there; they end with
///    events of their own);
///  - write a state only while the directory is there and still ours, checked in the transaction
///    that writes: a plain write would make a removed directory anew;
///  - while has_deadline(phase) holds without a break, run a timer of xenbus_close_limit and report
///    deadline_passed at its end.
///
/// A hostile frontend can keep the handshake from its goal and can have the device closed and
/// opened again and again, at the pace of its own writes; it can cause nothing else.

#include <xenring/ring/xenbus_state.hpp>
#include <xenring/ring/xenbus_step.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring {

/// What a backend is doing; in brackets what the store says of it.
enum class backend_phase : std::uint8_t {
    opening,          ///< [1, 6] our device is being opened
    resuming,         ///< [4] the same, for a guest that an earlier backend had connected to
    waiting_hotplug,  ///< [2] the hotplug script has not come to its end
    waiting_frontend, ///< [2] the frontend has not published its keys
    connecting,       ///< [2, 4] its keys are being read, its rings mapped
    connected,        ///< [4]
    disconnecting,    ///< [2, 4] the rings are being unmapped
    breaking,         ///< [2, 4] the same, and our device is broken
    closing,          ///< [5] no rings; the frontend has not closed its end
    broken,           ///< [5] the same, and our device is broken
    abandoned,        ///< [6] the frontend did not close its end in time
    failed,           ///< [6] the same, and our device is broken
    closed,           ///< [6] both ends are; the device is kept for the frontend to come again
    unplugging,       ///< [5] no rings; to be removed as soon as the frontend has closed its end
    clearing,         ///< [any] the frontend is gone, our device is being closed; then 6
    deserted,         ///< [6] nothing is left; the toolstack will remove it, or a frontend comes
    releasing,        ///< [any] to be removed, our device is being closed; then 6 for the last time
    dropping,         ///< [not ours] the same, for a directory that is not ours any more
    finished,         ///< for ever: drop the object
};

/// What can happen to a backend.
enum class backend_event : std::uint8_t {
    device_opened,
    device_failed,         ///< it could not be opened, or broke later
    device_closed,         ///< the end of close_device
    hotplug_connected,     ///< "hotplug-status" is "connected"; where no script runs, at once
    hotplug_failed,        ///< "hotplug-status" is "error"
    frontend_gone,         ///< its state is not there, or 0, or its domain is dead
    frontend_initialising, ///< 1; or 4 with other keys than were mapped: 1 was missed
    frontend_ready,        ///< 3 or 4
    frontend_closing,      ///< 5
    frontend_closed,       ///< 6
    frontend_invalid,      ///< garbage, or 2, 7 or 8
    rings_connected,       ///< the good end of connect or attach
    connect_failed,        ///< the other one: nothing is mapped
    rings_disconnected,    ///< the end of disconnect
    frontend_misbehaved,   ///< a ring is poisoned
    removal_asked,         ///< "online" is 0, or whoever runs the backend wants it to end; stands
    directory_lost,        ///< our directory is not there, or new: its state is 1 and we wrote more
    deadline_passed,
};
inline constexpr std::size_t backend_phase_count = 19;
inline constexpr std::size_t backend_event_count = 18;

/// What a backend asks its caller to do.
enum class backend_action : std::uint8_t {
    look,            ///< report afresh all that stands: frontend's state, hotplug, removal, loss
    open_device,     ///< open it, unless it is or is about to be; ends with device_opened or
                     ///< device_failed
    publish,         ///< write the feature keys
    write_init_wait, ///< write 2
    write_connected, ///< write 4
    write_closing,   ///< write 5
    write_closed,    ///< write 6
    connect,         ///< read the frontend's keys and map its fresh rings
    attach,          ///< the same, taking over rings that are running
    disconnect,      ///< give up a connect in flight, unmap; ends with rings_disconnected only
    close_device,    ///< disconnect, give up an open in flight, close what is open, remove
                     ///< "hotplug-status" if the directory is ours; ends with device_closed only
};

using backend_actions = xenbus_actions<backend_action>;
using backend_step = xenbus_step<backend_phase, backend_action>;

/// The state that an action writes, if it writes one.
[[nodiscard]] constexpr std::optional<xenbus_state> written_state(backend_action action) noexcept {
    switch (action) {
    case backend_action::write_init_wait:
        return xenbus_state::init_wait;
    case backend_action::write_connected:
        return xenbus_state::connected;
    case backend_action::write_closing:
        return xenbus_state::closing;
    case backend_action::write_closed:
        return xenbus_state::closed;
    default:
        return std::nullopt;
    }
}

/// The event that a frontend's state is. `state` as parse_xenbus_state() has it; a node that is not
/// there is xenbus_state::unknown.
[[nodiscard]] constexpr backend_event
event_of_frontend(std::optional<xenbus_state> state) noexcept {
    switch (state.value_or(xenbus_state::reconfigured)) {
    case xenbus_state::unknown:
        return backend_event::frontend_gone;
    case xenbus_state::initialising:
        return backend_event::frontend_initialising;
    case xenbus_state::initialised:
    case xenbus_state::connected:
        return backend_event::frontend_ready;
    case xenbus_state::closing:
        return backend_event::frontend_closing;
    case xenbus_state::closed:
        return backend_event::frontend_closed;
    default:
        return backend_event::frontend_invalid;
    }
}

/// Whether a timer is to run; see above.
[[nodiscard]] constexpr bool has_deadline(backend_phase phase) noexcept {
    return phase == backend_phase::closing || phase == backend_phase::broken ||
           phase == backend_phase::unplugging;
}

/// Where a backend begins, by what the store says when it finds the directory: `own` state and the
/// frontend's. 4 and 4 is a live guest whose backend was restarted: its rings are attached to and
/// its state stays 4. No directory is nothing to do. Else what an earlier backend left is closed in
/// order.
[[nodiscard]] constexpr backend_step backend_begin(std::optional<xenbus_state> own,
                                                   std::optional<xenbus_state> frontend) noexcept {
    using enum backend_action;
    switch (own.value_or(xenbus_state::connected)) {
    case xenbus_state::unknown:
        return {backend_phase::finished};
    case xenbus_state::initialising:
    case xenbus_state::init_wait:
    case xenbus_state::initialised:
        return {backend_phase::opening, {open_device, look}};
    case xenbus_state::closing:
        return {backend_phase::closing, {look}};
    case xenbus_state::closed:
        return {backend_phase::abandoned, {look}};
    default:
        break;
    }
    if (own == xenbus_state::connected &&
        event_of_frontend(frontend) == backend_event::frontend_ready)
        return {backend_phase::resuming, {open_device, look}};
    return {backend_phase::closing, {write_closing, look}};
}

/// What an event does in a phase: every pair has an answer. An event of no use leaves the phase and
/// asks for nothing.
[[nodiscard]] constexpr backend_step step(backend_phase phase, backend_event event) noexcept;

/// A backend's half, for a caller that wants its phase kept.
///
/// Thread safety: one thread at a time.
class xenbus_backend {
public:
    using phase_type = backend_phase;
    using event_type = backend_event;
    using action_type = backend_action;
    using step_type = backend_step;

    /// See backend_begin(); run first_actions() before the first event.
    constexpr xenbus_backend(std::optional<xenbus_state> own,
                             std::optional<xenbus_state> frontend) noexcept
        : last_(backend_begin(own, frontend)) {}

    /// What is to be done to begin; valid until the first event.
    [[nodiscard]] constexpr const backend_actions& first_actions() const noexcept {
        return last_.actions;
    }

    /// Takes an event; what is to be done is in the step, and valid until the next.
    [[nodiscard]] constexpr const backend_step& handle(backend_event event) noexcept {
        return last_ = step(last_.next, event);
    }

    [[nodiscard]] constexpr backend_phase phase() const noexcept { return last_.next; }

private:
    backend_step last_;
};

} // namespace xenring::ring

#include <xenring/ring/xenbus_backend_steps.hpp>
