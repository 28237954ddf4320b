// operator new, counted.
#pragma once

#include <cstddef>

namespace xenring::test {

/// Calls of operator new on this thread so far.
std::size_t allocations() noexcept;

} // namespace xenring::test
