#include "event_queue.hpp"

#include <poll.h>

#include <array>

namespace xenring::conformance {

bool event_queue::wait(port own, std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    for (;;) {
        collect();
        if (arrived_.erase(own) != 0)
            return true;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return false;
        pollfd poller{channel_->native_handle(), POLLIN, 0};
        ::poll(&poller, 1, static_cast<int>(left.count()));
    }
}

void event_queue::collect() {
    std::array<port, 64> ports;
    error_code ec;
    for (std::size_t count = 0; (count = channel_->read_pending(ports, ec)) != 0;)
        arrived_.insert(ports.begin(), ports.begin() + static_cast<std::ptrdiff_t>(count));
    throw_if(ec, "read pending ports");
}

} // namespace xenring::conformance
