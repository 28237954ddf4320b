// Real Xen as a hypervisor, through the devices that Linux offers to a domain's programs.
#pragma once

#include <xenring/grant/hypervisor.hpp>

#include <memory>
#include <string>

namespace xenring::xen {

struct open_options {
    /// Where the device nodes are looked for. The Xen libraries themselves always use /dev/xen;
    /// another directory is of use only to see what its absence would say.
    std::string device_directory = "/dev/xen";
    /// What decided for Xen, for people: part of description().
    std::string why;
};

/// Opens Xen. Grants need gntalloc, mappings and copies gntdev, event channels evtchn; each is
/// opened when it is first needed, and that call fails with a code of which message() names the
/// node and what to do (it equals condition::not_available). The store must answer at once: it is
/// asked for the own domid (at most 5 s).
///
/// Errors: errc::no_hypervisor without the directory; errc::device_missing or
/// errc::device_permission if no node at all, or no way to the store, can be used; errc::timed_out
/// if the store does not answer; errno. `advice`, if given, then says in words what to do.
///
/// Nothing needs libxenctrl: a guest's kernel refuses its hypercalls.
std::shared_ptr<hypervisor> open(const open_options& how, error_code& ec,
                                 std::string* advice = nullptr);
std::shared_ptr<hypervisor> open(error_code& ec, std::string* advice = nullptr);

} // namespace xenring::xen
