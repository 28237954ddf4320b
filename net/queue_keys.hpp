#pragma once

/// What a vif's frontend publishes of each of its queues (xen/io/netif.h, "Multiple transmit and
/// receive queues").

#include <xenring/grant/types.hpp>

#include <optional>

namespace xenring::net {

/// The rings and event channels of one queue of a frontend.
struct vif_queue_keys {
    grant_ref tx_ring;
    grant_ref rx_ring;
    port tx_port;
    std::optional<port> rx_port; ///< nothing: tx_port serves both directions
    friend bool operator==(const vif_queue_keys&, const vif_queue_keys&) = default;
};

} // namespace xenring::net
