// What a thread does between two looks at shared memory.
#pragma once

namespace xenring::vchan::detail {

/// Tells the processor that this is a loop that waits for another one.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace xenring::vchan::detail
