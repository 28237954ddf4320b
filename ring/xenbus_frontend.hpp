#pragma once

/// The frontend's half of the xenbus handshake: events in, actions out; no store, no clock, no
/// heap.
///
///     waiting -> publishing -> connecting -> connected
///        ^                                       |
///        +- closed <- disconnecting <- parting <- closing
///
/// Says to a backend what Linux's xen-netfront says: keys are published once the backend is
/// InitWait, and Connected is written with them, without waiting. It closes in the order that suits
/// every backend: Closing, the backend's Closing, Closed, the backend's Closed; only then are
/// grants revoked, because a backend unmaps on that way. A device that somebody left in the middle
/// (a crashed kernel, an earlier process) is closed in the same order first.
///
/// What xenbus_backend.hpp says of looking again and of the caller's duties holds here too. A half
/// that was closed stays closed until the caller asks for more.
///
/// A hostile backend can keep the handshake from its goal and can close the device; it can cause
/// nothing else. It may keep pages mapped for ever: revoking is the caller's, and may say busy.

#include <xenring/ring/xenbus_state.hpp>
#include <xenring/ring/xenbus_step.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring {

/// What a frontend is doing; in brackets what the store says of it.
enum class frontend_phase : std::uint8_t {
    waiting,       ///< [1] the backend is not InitWait
    publishing,    ///< [1] rings are being granted and keys written
    connecting,    ///< [4] keys are there; the backend has not connected, or begins anew
    connected,     ///< [4]
    closing,       ///< [5] the backend is not Closing
    parting,       ///< [6] the backend is not Closed
    disconnecting, ///< [6] grants are being revoked
    closed,        ///< [6] nothing is left; open again or finish
    moving,        ///< [any] grants to a backend that is no more are being revoked; then 1
    dropping,      ///< [not ours] the same, for a directory that is not ours any more
    finished,      ///< for ever: drop the object
};

/// What can happen to a frontend.
enum class frontend_event : std::uint8_t {
    backend_gone,         ///< its state is not there, or 0
    backend_initialising, ///< 1
    backend_init_wait,    ///< 2
    backend_initialised,  ///< 3
    backend_connected,    ///< 4
    backend_closing,      ///< 5
    backend_closed,       ///< 6
    backend_reconfigures, ///< 7 or 8: answers to what we never ask
    backend_invalid,      ///< garbage
    rings_published,      ///< the good end of publish
    publish_failed,       ///< the other one: backend lacks a feature, or its keys are garbage
    rings_disconnected,   ///< the end of disconnect
    backend_misbehaved,   ///< a ring is poisoned, or the device is broken for another reason
    close_requested,      ///< the device is not wanted any more; stands
    reconnect_requested,  ///< close if it is connected, and open again; stands until it is, or
                          ///< until the caller has enough of faults
    backend_moved,        ///< "backend" names another directory, or our state is 1 and we wrote
                          ///< more: a resumed domain, or a device that was taken out and put back
    directory_lost,       ///< our directory is not there
    deadline_passed,
};
inline constexpr std::size_t frontend_phase_count = 11;
inline constexpr std::size_t frontend_event_count = 18;

/// What a frontend asks its caller to do.
enum class frontend_action : std::uint8_t {
    look,               ///< report afresh all that stands: backend's state, requests, move, loss
    publish,            ///< read the backend's features, grant fresh rings, write all keys in one
                        ///< transaction; ends with rings_published or publish_failed
    write_initialising, ///< write 1
    write_connected,    ///< write 4
    write_closing,      ///< write 5
    write_closed,       ///< write 6
    start,              ///< carry frames, the rings may not be empty: notify the backend once
    hold,               ///< carry nothing; the rings and what is in them stay
    disconnect,         ///< give up a publish in flight, take back what is in the rings, revoke
                        ///< their grants; ends with rings_disconnected only
};

using frontend_actions = xenbus_actions<frontend_action>;
using frontend_step = xenbus_step<frontend_phase, frontend_action>;

/// The state that an action writes, if it writes one.
[[nodiscard]] constexpr std::optional<xenbus_state> written_state(frontend_action action) noexcept {
    switch (action) {
    case frontend_action::write_initialising:
        return xenbus_state::initialising;
    case frontend_action::write_connected:
        return xenbus_state::connected;
    case frontend_action::write_closing:
        return xenbus_state::closing;
    case frontend_action::write_closed:
        return xenbus_state::closed;
    default:
        return std::nullopt;
    }
}

/// The event that a backend's state is. `state` as parse_xenbus_state() has it; a node that is not
/// there is xenbus_state::unknown.
[[nodiscard]] constexpr frontend_event
event_of_backend(std::optional<xenbus_state> state) noexcept {
    if (!state)
        return frontend_event::backend_invalid;
    switch (*state) {
    case xenbus_state::unknown:
        return frontend_event::backend_gone;
    case xenbus_state::initialising:
        return frontend_event::backend_initialising;
    case xenbus_state::init_wait:
        return frontend_event::backend_init_wait;
    case xenbus_state::initialised:
        return frontend_event::backend_initialised;
    case xenbus_state::connected:
        return frontend_event::backend_connected;
    case xenbus_state::closing:
        return frontend_event::backend_closing;
    case xenbus_state::closed:
        return frontend_event::backend_closed;
    case xenbus_state::reconfiguring:
    case xenbus_state::reconfigured:
        return frontend_event::backend_reconfigures;
    }
    return frontend_event::backend_invalid;
}

/// Whether a timer is to run; see xenbus_backend.hpp.
[[nodiscard]] constexpr bool has_deadline(frontend_phase phase) noexcept {
    return phase == frontend_phase::closing || phase == frontend_phase::parting;
}

/// Where a frontend begins, by its own state in the store. Unless that is 1, somebody was here
/// before: the device is closed first, and a caller that wants it reports reconnect_requested.
[[nodiscard]] constexpr frontend_step frontend_begin(std::optional<xenbus_state> own) noexcept {
    using enum frontend_action;
    switch (own.value_or(xenbus_state::connected)) {
    case xenbus_state::unknown:
        return {frontend_phase::finished};
    case xenbus_state::initialising:
        return {frontend_phase::waiting, {look}};
    case xenbus_state::closing:
        return {frontend_phase::closing, {look}};
    case xenbus_state::closed:
        return {frontend_phase::parting, {look}};
    default:
        return {frontend_phase::closing, {write_closing, look}};
    }
}

/// What an event does in a phase: every pair has an answer. An event of no use leaves the phase and
/// asks for nothing.
[[nodiscard]] constexpr frontend_step step(frontend_phase phase, frontend_event event) noexcept;

/// A frontend's half, for a caller that wants its phase kept.
///
/// Thread safety: one thread at a time.
class xenbus_frontend {
public:
    using phase_type = frontend_phase;
    using event_type = frontend_event;
    using action_type = frontend_action;
    using step_type = frontend_step;

    /// See frontend_begin(); run first_actions() before the first event.
    explicit constexpr xenbus_frontend(std::optional<xenbus_state> own) noexcept
        : last_(frontend_begin(own)) {}

    /// What is to be done to begin; valid until the first event.
    [[nodiscard]] constexpr const frontend_actions& first_actions() const noexcept {
        return last_.actions;
    }

    /// Takes an event; what is to be done is in the step, and valid until the next.
    [[nodiscard]] constexpr const frontend_step& handle(frontend_event event) noexcept {
        return last_ = step(last_.next, event);
    }

    [[nodiscard]] constexpr frontend_phase phase() const noexcept { return last_.next; }

private:
    frontend_step last_;
};

} // namespace xenring::ring

#include <xenring/ring/xenbus_frontend_steps.hpp>
