// Calls that shall fail, so that every way out of a function can be walked by a test.
#pragma once

#include <xenring/grant/error.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace xenring::local {

/// What a program asks of its hypervisor.
enum class call : std::uint8_t {
    share,
    unshare,
    map,
    unmap,
    copy,
    open_event_channel,
    bind_unbound,
    bind_interdomain,
    unbind,
    notify,
    unmask,
    read_pending,
    open_store,
};

/// One call that shall fail: the nth from now on, counted from 1.
struct fault {
    call what{};
    unsigned nth = 1;
    error_code code;
};

/// The code that a call fails with when nothing else was asked for: what Linux and Xen say when
/// they are out of something (ENOSPC for grants and ports, ENOMEM for the rest).
error_code usual_failure(call what) noexcept;

/// Reads "CALL:NTH" or "CALL:NTH:ERRNO", several with commas between: "share:3,map:1:EPERM".
/// Error: errc::bad_specification.
std::vector<fault> parse_faults(std::string_view text, error_code& ec);

/// Counts calls and says which of them fail. Thread-safe.
class fault_plan {
public:
    /// Makes the nth call of this kind from now on fail, once. An unshare that fails is busy.
    void fail(call what, unsigned nth, error_code code);
    void fail(call what, unsigned nth) { fail(what, nth, usual_failure(what)); }
    /// Forgets what was asked for.
    void clear();

    /// Counts one call; true, and ec set, if it is to fail.
    bool strikes(call what, error_code& ec);

private:
    std::mutex mutex_;
    std::vector<fault> faults_;
};

} // namespace xenring::local
