// The vocabulary of the field as types: a domid is not a port, and neither is a grant reference.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace xenring {

/// A page as Xen shares it: 4096 bytes on every architecture (XC_PAGE_SIZE), whatever the kernel's
/// own page size is.
inline constexpr std::size_t page_size = 4096;

/// A domain's number. Domain 0 is the control domain. Xen reuses numbers only after a wrap
/// (DOMID_FIRST_RESERVED, 0x7ff0, is never a domain), but a number alone does not name a peer for
/// ever: it says nothing once the domain is gone (XSA-322).
struct domid {
    std::uint16_t value = 0;

    constexpr domid() noexcept = default;
    constexpr explicit domid(std::uint16_t number) noexcept : value{number} {}
    friend constexpr auto operator<=>(domid, domid) noexcept = default;
};

/// The first number that is not a domain's (xen/include/public/xen.h, DOMID_FIRST_RESERVED).
inline constexpr std::uint16_t first_reserved_domid = 0x7ff0;

/// An index into the granting domain's grant table (grant_ref_t). Meaningful only together with
/// that domain's domid.
struct grant_ref {
    std::uint32_t value = 0;

    constexpr grant_ref() noexcept = default;
    constexpr explicit grant_ref(std::uint32_t number) noexcept : value{number} {}
    friend constexpr auto operator<=>(grant_ref, grant_ref) noexcept = default;
};

/// The number of an event channel's end in the domain that owns that end (evtchn_port_t).
struct port {
    std::uint32_t value = 0;

    constexpr port() noexcept = default;
    constexpr explicit port(std::uint32_t number) noexcept : value{number} {}
    friend constexpr auto operator<=>(port, port) noexcept = default;
};

/// What a peer may do with a page that was granted to it.
enum class access : std::uint8_t { read_only, read_write };

} // namespace xenring
