#pragma once

/// The states of a xenbus handshake, as they are in the store, and what can go wrong in one.
///
/// Each end of a device has a node "state" in its directory with one of these numbers in decimal.
/// Only that end writes it, except that a toolstack makes both directories with 1 and, to unplug a
/// device, writes 5 (and "online" 0) into the backend's. Source: xen/io/xenbus.h.

#include <cstdint>
#include <optional>
#include <string_view>

namespace xenring::ring {

/// Where one end of a device stands; the numbers are those in the store.
enum class xenbus_state : std::uint8_t {
    unknown = 0,
    initialising = 1,
    init_wait = 2,   ///< early set-up done; waits for the peer or for hotplug scripts
    initialised = 3, ///< all keys are published; waits for the peer to connect
    connected = 4,
    closing = 5, ///< closes because of an error or an unplug
    closed = 6,
    reconfiguring = 7,
    reconfigured = 8,
};

/// The state's name as Xen spells it, for logs; static storage. A value outside has one too.
[[nodiscard]] constexpr const char* describe(xenbus_state value) noexcept {
    switch (value) {
    case xenbus_state::unknown:
        return "Unknown";
    case xenbus_state::initialising:
        return "Initialising";
    case xenbus_state::init_wait:
        return "InitWait";
    case xenbus_state::initialised:
        return "Initialised";
    case xenbus_state::connected:
        return "Connected";
    case xenbus_state::closing:
        return "Closing";
    case xenbus_state::closed:
        return "Closed";
    case xenbus_state::reconfiguring:
        return "Reconfiguring";
    case xenbus_state::reconfigured:
        return "Reconfigured";
    }
    return "invalid state";
}

/// The text to write into the node; static storage. Precondition: one of the values above.
[[nodiscard]] constexpr std::string_view state_text(xenbus_state value) noexcept {
    return std::string_view{"012345678"}.substr(static_cast<std::uint8_t>(value), 1);
}

/// What the node's text says: decimal digits and nothing else, leading zeros allowed, 0 to 8.
/// Nothing for all else: a peer may put any bytes there, up to 4096 of them, NULs too. A node that
/// is not there is no text: that is xenbus_state::unknown.
[[nodiscard]] constexpr std::optional<xenbus_state>
parse_xenbus_state(std::string_view text) noexcept {
    constexpr unsigned last = static_cast<unsigned>(xenbus_state::reconfigured);
    if (text.empty())
        return std::nullopt;
    unsigned value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9')
            return std::nullopt;
        value = value * 10 + static_cast<unsigned>(digit - '0');
        if (value > last)
            return std::nullopt;
    }
    return static_cast<xenbus_state>(value);
}

/// Why a handshake did not go its ordinary way.
enum class xenbus_fault : std::uint8_t {
    none = 0,
    device_failed,      ///< ours could not be opened, or broke
    hotplug_failed,     ///< the hotplug script reported an error
    invalid_peer_state, ///< peer's state is garbage, or one that its end never has
    unusable_peer_keys, ///< keys that connecting needs are missing, garbage or do not work
    peer_misbehaved,    ///< peer broke the rules of the rings
    peer_did_not_close, ///< peer had not closed its end in time
};

/// A short English phrase for logs; static storage. An unknown value has a phrase too.
[[nodiscard]] constexpr const char* describe(xenbus_fault value) noexcept {
    switch (value) {
    case xenbus_fault::none:
        return "no fault";
    case xenbus_fault::device_failed:
        return "the device could not be opened or broke";
    case xenbus_fault::hotplug_failed:
        return "the hotplug script reported an error";
    case xenbus_fault::invalid_peer_state:
        return "peer's state is garbage or impossible";
    case xenbus_fault::unusable_peer_keys:
        return "peer's keys are missing, garbage or do not work";
    case xenbus_fault::peer_misbehaved:
        return "peer broke the rules of the rings";
    case xenbus_fault::peer_did_not_close:
        return "peer did not close its end in time";
    }
    return "unknown fault";
}

/// How long a peer gets to close its end, in milliseconds. A toolstack waits 10 s for a backend to
/// be Closed before it removes the device by force; Linux's netfront waits in steps of 5 s.
inline constexpr std::uint32_t xenbus_close_limit = 5000;

} // namespace xenring::ring
