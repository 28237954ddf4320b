// Waits for the event of one port among many.
#pragma once

#include <xenring/grant/event_channel.hpp>

#include <chrono>
#include <memory>
#include <set>

namespace xenring::conformance {

/// Long enough for two emulated machines on a busy host: only a failing test waits this long.
inline constexpr std::chrono::seconds patience{30};

/// An event channel, and the ports that were read from it but not yet asked about.
class event_queue {
public:
    explicit event_queue(std::unique_ptr<event_channel> channel) : channel_{std::move(channel)} {}

    event_channel& channel() noexcept { return *channel_; }

    /// Waits for an event of `own`, which stays masked then. False: none came in time.
    bool wait(port own, std::chrono::milliseconds time = patience);

    /// Whether an event of `own` is there now.
    bool has(port own) { return wait(own, std::chrono::milliseconds{0}); }

private:
    void collect();

    std::unique_ptr<event_channel> channel_;
    std::set<port> arrived_;
};

} // namespace xenring::conformance
