// The device nodes through which a Linux domain reaches its hypervisor, and what to tell a person
// when one of them cannot be used.
#pragma once

#include <xenring/grant/error.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace xenring::xen {

/// One of the nodes in /dev/xen that grants and event channels need.
enum class device : std::uint8_t {
    evtchn,   ///< event channels
    gntdev,   ///< maps and copies pages that others granted
    gntalloc, ///< grants pages to others
};

inline constexpr std::array devices{device::evtchn, device::gntdev, device::gntalloc};

/// "evtchn", "gntdev" or "gntalloc": the node's name inside its directory.
std::string_view name(device which) noexcept;

/// Tries to open the node DIRECTORY/NAME for reading and writing, and closes it again. Errors: a
/// code of device_category() if the node is missing, has no driver, or may not be opened; else
/// errno.
error_code check_device(const std::string& directory, device which) noexcept;

/// What is wrong with DIRECTORY/NAME and what to do about it, for people. `code` is a failure that
/// check_device() gave.
std::string advice(const std::string& directory, device which, const error_code& code);

/// Codes whose message names the node (as /dev/xen/NAME) and what to do. Each of them equals
/// condition::not_available.
const boost::system::error_category& device_category() noexcept;

/// The code in device_category() for an errno that opening the node gave; other errnos as they are.
error_code device_error(device which, int number) noexcept;

/// errc::device_missing or errc::device_permission for a code of device_category(); any other code
/// as it is.
error_code without_node(const error_code& code) noexcept;

} // namespace xenring::xen
