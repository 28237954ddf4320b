// Where the real store is to be found.
#pragma once

#include <xenring/grant/store_pipe.hpp>

#include <memory>
#include <string>
#include <vector>

namespace xenring::xen {

/// The places that may lead to the store, the first choice first: xenstored's socket (as
/// $XENSTORED_PATH or $XENSTORED_RUNDIR/socket say, else in /run/xenstored), then the kernel's
/// device xenbus in `device_directory`, then in /proc/xen (xenfs).
std::vector<std::string> store_locations(const std::string& device_directory);

/// Opens the first of them that exists; `location` says which. Errors: errno of the last one that
/// was tried (ENOENT if there is none).
std::unique_ptr<store_pipe> open_store(const std::string& device_directory, std::string& location,
                                       error_code& ec);

} // namespace xenring::xen
