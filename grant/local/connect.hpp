// How a program reaches the stand-in in another process.
#pragma once

#include <xenring/grant/hypervisor.hpp>

#include <memory>
#include <string>

namespace xenring::local {

struct connect_options {
    std::string directory; ///< where the stand-in's process runs
    domid self;            ///< as which domain
    std::string fault;     ///< which calls shall fail: see parse_faults()
    std::string why;       ///< what decided for the stand-in: part of description()
};

/// Becomes a process of a domain of the stand-in in `directory`, and brings the domain up if it is
/// not. The end of this process, however it ends, is noticed there. Errors: errc::no_hypervisor if
/// nothing answers there, errc::timed_out if a stand-in is there that does not, as when it is
/// stopped, errc::bad_specification, errc::socket_path_too_long, errno (EACCES).
std::shared_ptr<hypervisor> connect(const connect_options& options, error_code& ec);

} // namespace xenring::local
