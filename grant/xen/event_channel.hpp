// Event channels on real Xen.
#pragma once

#include <xenring/grant/event_channel.hpp>

#include <memory>
#include <string>

namespace xenring::xen {

/// Opens /dev/xen/evtchn. Errors: as check_device(device::evtchn) gives them.
std::unique_ptr<event_channel> open_event_channel(const std::string& device_directory,
                                                  error_code& ec);

} // namespace xenring::xen
