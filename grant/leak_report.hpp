// Names, at the end of a debug build's run, what the program still holds.
#pragma once

namespace xenring {

class hypervisor;

namespace detail {

/// A hypervisor object begins to be looked after, until release_from_leak_report(). One that is
/// still there when the process exits, with pages granted or mapped, is told on standard error:
/// every such page keeps it alive. Any thread.
void include_in_leak_report(const hypervisor& machine);
void release_from_leak_report(const hypervisor& machine) noexcept;

} // namespace detail
} // namespace xenring
