// What a toolstack asks of the stand-in in another process.
#pragma once

#include <xenring/grant/local/file_descriptor.hpp>
#include <xenring/grant/local/statistics.hpp>

#include <mutex>
#include <string>

namespace xenring::local {

/// A connection that is no domain's. Thread-safe. Errors of all members: errc::hypervisor_gone,
/// errc::timed_out if the stand-in does not answer for seconds, errc::protocol_violation, errno.
class control {
public:
    /// Errors: errc::no_hypervisor if no stand-in runs in `directory`, errno.
    control(const std::string& directory, error_code& ec);
    explicit control(const std::string& directory);

    /// See machine::destroy().
    void destroy(domid domain, error_code& ec);
    void destroy(domid domain);

    machine_statistics statistics(error_code& ec);
    machine_statistics statistics();

private:
    std::mutex mutex_;
    file_descriptor socket_;
};

} // namespace xenring::local
