// The stand-in that the global options mean.
#pragma once

#include "common.hpp"

#include <xenring/grant/specification.hpp>

namespace xenring::tools {

/// Throws xenring::error if the options or the environment name real Xen.
specification stand_in(const global_options& options);

} // namespace xenring::tools
