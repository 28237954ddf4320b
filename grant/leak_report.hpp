// Names, at the end of a debug build's run, what the program still holds.
#pragma once

#include <xenring/grant/types.hpp>

#include <span>

namespace xenring {

class hypervisor;
struct foreign_grant;

namespace detail {

#ifndef NDEBUG

/// A hypervisor object begins to be looked after, until release_from_leak_report(). One that is
/// still there when the process exits, with pages granted or mapped, is told on standard error:
/// every such page keeps it alive. Any thread.
void include_in_leak_report(const hypervisor& machine);
void release_from_leak_report(const hypervisor& machine) noexcept;

/// Pages at `address` are granted to `peer`, or mapped here (not none of them, and of the domain of
/// the first). Until they are forgotten the report names them by domain and grant reference, as far
/// as a few lines reach. (A region of another thread that comes to lie where one is just being
/// forgotten may stay unnamed; it is counted.) Any thread.
void name_granted(const hypervisor& machine, const void* address, domid peer,
                  std::span<const grant_ref> references) noexcept;
void name_mapped(const hypervisor& machine, const void* address,
                 std::span<const foreign_grant> grants) noexcept;
void forget_named(const hypervisor& machine, const void* address) noexcept;

#else

inline void include_in_leak_report(const hypervisor&) {}
inline void release_from_leak_report(const hypervisor&) noexcept {}
inline void name_granted(const hypervisor&, const void*, domid,
                         std::span<const grant_ref>) noexcept {}
inline void name_mapped(const hypervisor&, const void*, std::span<const foreign_grant>) noexcept {}
inline void forget_named(const hypervisor&, const void*) noexcept {}

#endif

} // namespace detail
} // namespace xenring
