#pragma once

/// A store with one device in it, a half of the handshake on each side, and callers that do what
/// the halves ask: everything in bytes, so that a state of the world is its own key.
///
/// Anything may happen at any time: a caller runs one action, or its half gets one event (a watch
/// that has fired, an operation that has ended, a deadline), or the world outside does something.

#include <xenring/ring/xenbus_backend.hpp>
#include <xenring/ring/xenbus_frontend.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace xenring::ring::model {

enum class device : std::uint8_t { none, opening, open, closing };
enum class rings : std::uint8_t { none, beginning, there, ending };
/// When a timer may run out. A limit is long: it should pass only when all else has come to rest.
/// At any time: a peer that sleeps for that long and goes on where it was.
enum class deadlines : std::uint8_t { never, at_rest, any_time };
enum class peer : std::uint8_t { ours, linux_kernel, dead };

/// What Linux's frontend waits for: nothing in particular; the backend while it removes the device;
/// the backend while a kernel that has just booted closes what its predecessor left.
enum class linux_front : std::uint8_t {
    running,
    removing,
    removing_closed,
    removed,
    resetting,
    resetting_closed,
    resetting_initialising,
};

/// What is left to be run of a step's actions.
template <class Action>
struct todo {
    std::array<Action, 4> actions{};
    std::uint8_t size = 0;

    void set(const xenbus_actions<Action>& all) {
        *this = {};
        for (const Action each : all)
            actions[size++] = each;
    }
    Action take() {
        const Action first = actions[0];
        for (std::size_t i = 1; i != actions.size(); ++i)
            actions[i - 1] = actions[i];
        actions.back() = Action{};
        --size;
        return first;
    }
};

struct world {
    // the store
    std::uint8_t back_state = 1, front_state = 1;
    std::uint8_t online = 1, hotplug_done = 0;
    std::uint8_t published = 0; ///< which rings the frontend's keys are for
    // the backend's side
    peer back_kind = peer::ours;
    backend_phase back{};
    todo<backend_action> back_todo;
    std::uint8_t sees_front = 0, sees_hotplug = 0, sees_own = 0; ///< watches that have fired
    std::uint8_t stop_backend = 0;
    model::device device = model::device::none;
    rings mapped = rings::none;
    std::uint8_t mapped_which = 0;
    // the frontend's side
    peer front_kind = peer::ours;
    frontend_phase front{};
    todo<frontend_action> front_todo;
    std::uint8_t sees_back = 0, sees_requests = 0;
    std::uint8_t close = 0, reconnect = 0;
    rings granted = rings::none;
    std::uint8_t granted_which = 0;
    std::uint8_t flowing = 0;
    // Linux's drivers
    std::uint8_t netback_state = 2, netback_gone = 0, netback_waits_for_script = 0;
    linux_front netfront = linux_front::running;
    // what the world outside may still do
    std::uint8_t unplugs = 0, stops = 0, closes = 0, reconnects = 0;
    std::uint8_t backend_restarts = 0, frontend_restarts = 0, failures = 0;
    model::deadlines deadlines = model::deadlines::never;
    std::uint8_t revoke_may_be_busy = 0; ///< the backend may still have mapped what is revoked

    /// The bytes of it all.
    [[nodiscard]] std::string key() const {
        return {reinterpret_cast<const char*>(this), sizeof *this};
    }
};
static_assert(std::has_unique_object_representations_v<world>, "no padding in the key");

/// A thing that can happen, and the world after it. Throws std::string if it must not happen.
struct move {
    std::string what;
    world after;
    bool outside = false; ///< not by one of the two halves
};

/// Both callers have just found the device.
[[nodiscard]] world begin(world w);

/// All that can happen next.
[[nodiscard]] std::vector<move> moves(const world& w);

} // namespace xenring::ring::model
