// Asks the store who we are.
#pragma once

#include <xenring/grant/store_pipe.hpp>
#include <xenring/grant/types.hpp>

#include <chrono>

namespace xenring::xen {

/// Reads the node "domid", which is relative to the own domain's home, through a fresh pipe; waits
/// for the answer no longer than `patience`. Errors: errc::timed_out, errc::store_gone,
/// errc::store_protocol (the answer is not a domid), what the store answered, errno.
domid read_own_domid(store_pipe& pipe, std::chrono::milliseconds patience, error_code& ec);

} // namespace xenring::xen
