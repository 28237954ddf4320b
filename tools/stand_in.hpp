// The stand-in that the global options mean.
#pragma once

#include "common.hpp"

#include <xenring/grant/specification.hpp>

#include <string>

namespace xenring::tools {

/// Throws usage_problem if the options or the environment name real Xen.
specification stand_in(const global_options& options);

/// For the one who finds no stand-in there: what to do.
std::string none_runs_in(const std::string& directory);

} // namespace xenring::tools
