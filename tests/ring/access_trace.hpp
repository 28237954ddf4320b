#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace xenring::test {

/// Runs `action` and returns the address of every access that it makes to `page`, in order: a page
/// that may not be touched faults at each access, the handler lets that one instruction through in
/// single step and shuts the page again. x86-64 Linux. One thread at a time.
/// An access is an instruction; one that faults is counted once however wide it is.
[[nodiscard]] std::vector<std::uintptr_t> trace_accesses(std::span<std::byte, 4096> page,
                                                         void (*action)(void*), void* argument);

} // namespace xenring::test
