#pragma once

/// The TAPs of vifs, which outlive a netback that is killed.

#include <xenring/backend/vif.hpp>
#include <xenring/grant/domain.hpp>

#include <cstddef>
#include <string>

namespace xenring::backend {

/// Opens a TAP vifD.N for each vif, or takes over the one that an earlier netback left, also under
/// the name that a hotplug script gave it (`vifname=`): a TAP remembers whose it is. A script that
/// has yet to run finds it as vifD.N, new. With a bridge no script runs; the TAP then has the
/// bridge's MTU. `queue_length`: frames that wait in a new one, for each of its queues.
frame_port_opener tap_opener(const domain& here, const std::string& bridge, bool multi_queue,
                             std::size_t queue_length);

/// Removes those left-over TAPs whose vif is not there any more: nobody else would. Blocks.
void remove_left_over_taps(const domain& here);

/// Removes the TAP that was left over for this vif. Blocks.
void remove_left_over_tap(const device_names& names);

} // namespace xenring::backend
