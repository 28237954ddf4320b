#pragma once

/// What the two ends of a vif say of themselves in the store, as its frontend reads and writes it.

#include <xenring/frontend/xenbus_driver.hpp>
#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/net/queue_keys.hpp>
#include <xenring/net/virtio_header.hpp>
#include <xenring/ring/netif_packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xenring::frontend {

/// What a backend offers, and what the toolstack says of the device.
struct vif_backend_keys {
    bool scatter_gather = false; ///< takes frames in several pieces
    net::offloads takes;         ///< in frames from us
    bool split_event_channels = false;
    bool control_ring = false;
    bool multicast_control = false;         ///< holds back multicast frames if it is asked to
    bool dynamic_multicast_control = false; ///< may be asked to at any time
    /// How many queues a frontend may have, at least 1; nothing: one, and it says nothing of that.
    std::optional<std::size_t> max_queues;
    bool trusted = true;
    ring::netif::mac_address mac{}; ///< ours
    std::size_t mtu = 1500;
    bool carrier = true; ///< false: frames go nowhere for the time being
};

/// Blocks. Errors: errc::feature_missing (feature-rx-copy), errc::device_keys_malformed,
/// errc::device_keys_missing (mac), those of the store; `key` then names the culprit.
vif_backend_keys read_vif_backend(const store_operations& store, const device_names& names,
                                  std::string& key, error_code& ec);

/// Reads again what may change while a device is connected: the carrier and the MTU. A key that is
/// no good leaves what is there. Blocks.
void refresh_vif_backend(const store_operations& store, const device_names& names,
                         vif_backend_keys& keys);

/// What a frontend publishes.
struct vif_published_keys {
    std::vector<net::vif_queue_keys> queues; ///< at least one
    std::optional<grant_ref> control_ring;
    port control_port;          ///< if there is a control ring
    bool counts_queues = false; ///< says how many there are; must if there are several
    bool scatter_gather = true;
    net::offloads takes;            ///< in frames to us
    bool filters_multicast = false; ///< the backend is to
};

/// Writes them into our directory, and removes there what somebody before us published and we do
/// not. Errors: the store's.
void write_vif_keys(store_operations& store, const std::string& directory,
                    const vif_published_keys& keys, error_code& ec);

/// "00:16:3e:01:02:03"; nothing if it is something else.
std::optional<ring::netif::mac_address> parse_mac(const std::string& text);
/// The reverse.
std::string to_text(const ring::netif::mac_address& mac);

} // namespace xenring::frontend
