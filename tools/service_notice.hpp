// Tells a service manager how far this program is: systemd's sd_notify, without its library.
#pragma once

#include <string_view>

namespace xenring::tools {

/// Sends `state` ("READY=1", "STOPPING=1") to the socket that $NOTIFY_SOCKET names, as
/// sd_notify(3) describes. Nothing happens without that variable, or if nobody is there. Does not
/// block.
void notify_service_manager(std::string_view state) noexcept;

} // namespace xenring::tools
