#pragma once

/// A TAP interface: an Ethernet interface of this machine whose other end is this process.

#include <xenring/grant/error.hpp>
#include <xenring/net/frame_port.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::net {

/// How a TAP is made.
struct tap_options {
    std::string name;         ///< at most 15 characters; taken over if there is a persistent one
    std::string mark;         ///< what a new one keeps whatever it is renamed to: its alias
    bool multi_queue = false; ///< frame_port::open_queue() may open more than one; one that is
                              ///< taken over stays as it was made
    std::optional<std::array<std::uint8_t, 6>> mac{}; ///< its address; else the kernel makes one up
    std::optional<std::size_t> mtu{};
    std::optional<std::size_t> queue_length{}; ///< of a new one: frames that wait to be read; else
                                               ///< the kernel's 1000, of up to 64 KiB each
    std::string bridge; ///< put into this bridge and brought up; empty: somebody else does
};

/// Creates the TAP, or takes over one of that name which an earlier process left. It outlives this
/// process if it is killed, with its addresses and its place in a bridge, and goes with the object.
/// A new one's carrier is down. Errors: errno (EBUSY: somebody has it; EPERM: needs CAP_NET_ADMIN;
/// ENOENT: no /dev/net/tun, load the module tun; EINVAL for an interface of another kind).
std::unique_ptr<frame_port> open_tap(const tap_options& options, error_code& ec);

/// Sets the MTU of an interface. Errors: errno (EINVAL: out of its range; ENODEV: no such
/// interface; EPERM: needs CAP_NET_ADMIN).
void set_mtu(const std::string& interface, std::size_t mtu, error_code& ec) noexcept;

/// The MTU of an interface; nothing if there is no such interface.
std::optional<std::size_t> mtu_of(const std::string& interface) noexcept;

/// How many frames wait in an interface at most. Errors: as set_mtu().
void set_queue_length(const std::string& interface, std::size_t frames, error_code& ec) noexcept;

/// A TAP as it is called now, and the mark that it was made with.
struct marked_tap {
    std::string name;
    std::string mark;
};
/// The TAPs whose marks begin with `prefix`, in use or not.
std::vector<marked_tap> list_taps(std::string_view prefix);

/// Removes a TAP that a killed process left. Nothing happens if somebody has it open, or if it is
/// no TAP.
void remove_left_over_tap(const std::string& name) noexcept;

/// Whether a network interface of that name exists.
bool interface_exists(std::string_view name) noexcept;

} // namespace xenring::net
