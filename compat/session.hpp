// What both C libraries share: this process's connection to the stand-in, and errors as errno.
#pragma once

#include <xenring/grant/hypervisor.hpp>

#include <memory>

namespace xenring::compat {

/// The connection of this process to the stand-in: opened by the first handle, closed with the
/// last. XENRING_HYPERVISOR and XENRING_DOMID name it. nullptr, with errno set and a line on
/// standard error that says what to do, if there is none.
std::shared_ptr<hypervisor> join();

/// Sets errno to what Linux's drivers would have set. Returns -1.
int fail(const error_code& ec) noexcept;

/// For what the stand-in does not have: says so once on standard error. errno is ENOSYS; -1.
int unserved(const char* function) noexcept;

/// Runs body; an exception, which can only be of memory, becomes ENOMEM and `otherwise`.
template <class Body, class Result>
Result guarded(Result otherwise, Body body) noexcept {
    try {
        return body();
    } catch (...) {
        fail(make_error_code(boost::system::errc::not_enough_memory));
        return otherwise;
    }
}

} // namespace xenring::compat
