#include <xenring/backend/vif_features.hpp>

#include <array>
#include <utility>

namespace xenring::backend {

void write_vif_features(store_operations& store, const std::string& directory,
                        const vif_features& features, error_code& ec) {
    const auto on = consistent(features);
    const std::array<std::pair<const char*, std::size_t>, 12> keys{{
        {"feature-rx-copy", 1},
        {"feature-rx-flip", 0},
        {"feature-sg", on.scatter_gather},
        {"feature-gso-tcpv4", on.tcpv4_segmentation},
        {"feature-gso-tcpv6", on.tcpv6_segmentation},
        {"feature-no-csum-offload", !on.ipv4_checksum}, // the one that is on by default
        {"feature-ipv6-csum-offload", on.ipv6_checksum},
        {"feature-split-event-channels", on.split_event_channels},
        {"feature-multicast-control", on.multicast_control},
        {"feature-dynamic-multicast-control", on.dynamic_multicast_control},
        {"feature-ctrl-ring", on.control_ring},
        {"multi-queue-max-queues", on.max_queues},
    }};
    ec.clear();
    for (const auto& [name, value] : keys)
        if (!ec)
            store.write(directory + '/' + name, std::to_string(value), ec);
}

void restrict_to(const vif_features& features, vif_frontend_keys& keys) noexcept {
    const auto on = consistent(features);
    keys.scatter_gather &= on.scatter_gather;
    keys.filters_multicast &= on.multicast_control;
    keys.takes.checksum_ipv4 &= on.ipv4_checksum;
    keys.takes.checksum_ipv6 &= on.ipv6_checksum;
    keys.takes.tcpv4 &= on.tcpv4_segmentation;
    keys.takes.tcpv6 &= on.tcpv6_segmentation;
}

} // namespace xenring::backend
