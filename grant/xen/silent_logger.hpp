// Keeps the Xen libraries from writing to standard error: failures are returned, not printed.
#pragma once

extern "C" { // these headers say nothing of C++
#include <xentoollog.h>
}

#include <cstdarg>

namespace xenring::xen {

/// A logger that drops everything; lives as long as the program.
inline xentoollog_logger* silent_logger() noexcept {
    static xentoollog_logger logger{
        [](xentoollog_logger*, xentoollog_level, int, const char*, const char*, va_list) {},
        [](xentoollog_logger*, const char*, const char*, int, unsigned long, unsigned long) {},
        [](xentoollog_logger*) {}};
    return &logger;
}

} // namespace xenring::xen
