#pragma once

/// What a frontend has to say over the control ring: one message after the other, each in the light
/// of the answers before.

#include <xenring/grant/types.hpp>
#include <xenring/ring/netif_control.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::frontend::detail {

/// A ring::netif::ctrl_request without its id.
struct control_message {
    std::uint16_t type;
    std::array<std::uint32_t, 3> data{};
};

/// The page that a message may name. Its content belongs to the latest message.
struct control_page {
    std::span<std::byte> bytes;
    grant_ref reference;
};

/// Pure: no input or output but that page. Thread safety: one thread at a time.
class control_script {
public:
    /// The backend knows nothing of what was said before.
    virtual void restart() = 0;
    /// The next message; nothing if all is said. Its answer comes before the next call.
    virtual std::optional<control_message> next(const control_page& page) = 0;
    /// The answer to that. Whatever a backend writes, it is only data.
    virtual void take(const ring::netif::ctrl_response& response) = 0;

protected:
    ~control_script() = default;
};

} // namespace xenring::frontend::detail
