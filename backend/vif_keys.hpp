#pragma once

/// What the two ends of a vif say of themselves in the store.

#include <xenring/grant/device_keys.hpp>
#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/types.hpp>
#include <xenring/net/queue_keys.hpp>
#include <xenring/net/virtio_header.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenring::backend {

using net::vif_queue_keys;

/// The control ring of a frontend.
struct vif_control_keys {
    grant_ref ring;
    port channel;
    friend bool operator==(const vif_control_keys&, const vif_control_keys&) = default;
};

/// What a frontend published before it became Connected.
struct vif_frontend_keys {
    std::vector<vif_queue_keys> queues;
    std::optional<vif_control_keys> control;
    bool scatter_gather = false;    ///< takes frames in several slots
    bool tells_refills = false;     ///< notifies when it posted buffers (feature-rx-notify)
    net::offloads takes;            ///< in frames to the guest
    bool filters_multicast = false; ///< wants no multicast but what it asked for
    friend bool operator==(const vif_frontend_keys&, const vif_frontend_keys&) = default;
};

/// Reads a frontend's keys in `directory`, at most `max_queues` queues of them. Blocks. Errors:
/// errc::device_keys_missing, errc::device_keys_malformed, errc::feature_missing (request-rx-copy),
/// those of the store; `key` then names the culprit. A hostile guest can write anything there, and
/// change it between two reads: what comes out is in range, and its own word for its own pages.
vif_frontend_keys read_vif_frontend(const store_operations& store, const std::string& directory,
                                    std::size_t max_queues, std::string& key, error_code& ec);

} // namespace xenring::backend
