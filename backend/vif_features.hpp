#pragma once

/// What a backend offers to a vif's frontend, and what it uses of what that offers.

#include <xenring/backend/vif_keys.hpp>
#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace xenring::backend {

/// All of it by default. What is off is not offered, and not used in frames to the guest.
struct vif_features {
    bool scatter_gather = true;     ///< packets in several slots; segmentation needs it
    bool tcpv4_segmentation = true; ///< needs ipv4_checksum
    bool tcpv6_segmentation = true; ///< needs ipv6_checksum
    bool ipv4_checksum = true;
    bool ipv6_checksum = true;
    bool split_event_channels = true;
    bool multicast_control = true;
    bool dynamic_multicast_control = true; ///< needs multicast_control
    bool control_ring = true;
    std::size_t max_queues = 1;
    /// Pages of a guest that may stay mapped for each of its queues, over the control ring; 0:
    /// none. Each costs the netback a memory mapping, of which Linux allows a process 65530 by
    /// default.
    std::size_t static_grants = 512;
    friend bool operator==(const vif_features&, const vif_features&) = default;
};

/// What can be switched, under the name that its key has in the store without "feature-".
struct switchable_feature {
    std::string_view name;
    bool vif_features::*on;
};
inline constexpr switchable_feature switchable_features[] = {
    {"sg", &vif_features::scatter_gather},
    {"gso-tcpv4", &vif_features::tcpv4_segmentation},
    {"gso-tcpv6", &vif_features::tcpv6_segmentation},
    {"csum-offload", &vif_features::ipv4_checksum},
    {"ipv6-csum-offload", &vif_features::ipv6_checksum},
    {"split-event-channels", &vif_features::split_event_channels},
    {"multicast-control", &vif_features::multicast_control},
    {"dynamic-multicast-control", &vif_features::dynamic_multicast_control},
    {"ctrl-ring", &vif_features::control_ring},
};

/// Switches one feature; false if there is none of that name.
constexpr bool set_feature(vif_features& features, std::string_view name, bool on) noexcept {
    for (const auto& each : switchable_features)
        if (each.name == name) {
            features.*each.on = on;
            return true;
        }
    return false;
}

/// `features` without those that lack another that they need.
constexpr vif_features consistent(vif_features features) noexcept {
    features.tcpv4_segmentation &= features.scatter_gather && features.ipv4_checksum;
    features.tcpv6_segmentation &= features.scatter_gather && features.ipv6_checksum;
    features.dynamic_multicast_control &= features.multicast_control;
    return features;
}

/// Writes a backend's features, made consistent(), into its directory. Errors: the store's.
void write_vif_features(store_operations& store, const std::string& directory,
                        const vif_features& features, error_code& ec);

/// Takes out of `keys` what is not to be used.
void restrict_to(const vif_features& features, vif_frontend_keys& keys) noexcept;

} // namespace xenring::backend
