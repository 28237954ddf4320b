#include <xenring/frontend/vif_keys.hpp>
#include <xenring/grant/device_keys.hpp>
#include <xenring/net/frame_port.hpp>
#include <xenring/net/offload_keys.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

namespace xenring::frontend {
namespace {

std::size_t read_mtu(device_key_reader& ours) {
    const auto mtu = ours.optional_number("mtu", net::largest_mtu).value_or(net::usual_mtu);
    if (mtu < net::smallest_mtu)
        ours.fail("mtu", errc::device_keys_malformed);
    return mtu;
}

bool read_carrier(device_key_reader& theirs) {
    return theirs.flag("carrier", true);
}

using key_entries = std::vector<std::pair<std::string, std::string>>;

void add_number(key_entries& out, const std::string& name, std::uint32_t value) {
    out.emplace_back(name, std::to_string(value));
}

void add_queue(key_entries& out, const std::string& prefix, const net::vif_queue_keys& queue) {
    add_number(out, prefix + "tx-ring-ref", queue.tx_ring.value);
    add_number(out, prefix + "rx-ring-ref", queue.rx_ring.value);
    if (queue.rx_port) {
        add_number(out, prefix + "event-channel-tx", queue.tx_port.value);
        add_number(out, prefix + "event-channel-rx", queue.rx_port->value);
    } else {
        add_number(out, prefix + "event-channel", queue.tx_port.value);
    }
}

/// Several queues have a directory each, and then none may be in ours.
key_entries entries_of(const vif_published_keys& keys) {
    key_entries out;
    const bool several = keys.queues.size() > 1;
    for (std::size_t i = 0; i != keys.queues.size(); ++i)
        add_queue(out, several ? "queue-" + std::to_string(i) + '/' : "", keys.queues[i]);
    if (keys.control_ring) {
        add_number(out, "ctrl-ring-ref", keys.control_ring->value);
        add_number(out, "event-channel-ctrl", keys.control_port.value);
    }
    if (keys.counts_queues)
        add_number(out, "multi-queue-num-queues", static_cast<std::uint32_t>(keys.queues.size()));
    add_number(out, "request-rx-copy", 1);
    add_number(out, "feature-rx-notify", 1);
    add_number(out, "feature-sg", keys.scatter_gather);
    add_number(out, "feature-gso-tcpv4", keys.scatter_gather && keys.takes.tcpv4);
    add_number(out, "feature-gso-tcpv6", keys.scatter_gather && keys.takes.tcpv6);
    add_number(out, "feature-ipv6-csum-offload", keys.takes.checksum_ipv6);
    add_number(out, "feature-no-csum-offload", !keys.takes.checksum_ipv4);
    if (keys.filters_multicast)
        add_number(out, "request-multicast-control", 1);
    return out;
}

/// Whether a key is a frontend's word, of now or of before.
bool is_told(const std::string& name) {
    return name.starts_with("event-channel") || name.starts_with("queue-") ||
           name.starts_with("multi-queue-") || name.ends_with("-ring-ref") ||
           name == "xdp-headroom" || name == "request-multicast-control";
}

} // namespace

std::optional<ring::netif::mac_address> parse_mac(const std::string& text) {
    ring::netif::mac_address out{};
    if (text.size() != 17)
        return std::nullopt;
    for (std::size_t i = 0; i != out.size(); ++i) {
        const char* const at = text.data() + 3 * i;
        const auto [end, wrong] = std::from_chars(at, at + 2, out[i], 16);
        if (wrong != std::errc{} || end != at + 2 || (i != 5 && *end != ':'))
            return std::nullopt;
    }
    return out;
}

std::string to_text(const ring::netif::mac_address& mac) {
    char text[18];
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                  mac[3], mac[4], mac[5]);
    return text;
}

vif_backend_keys read_vif_backend(const store_operations& store, const device_names& names,
                                  std::string& key, error_code& ec) {
    ec.clear();
    device_key_reader theirs{store, names.backend, key, ec}, ours{store, names.frontend, key, ec};
    vif_backend_keys out;
    if (!theirs.flag("feature-rx-copy"))
        theirs.fail("feature-rx-copy", errc::feature_missing);
    const auto receives = net::read_receiver(theirs);
    out.scatter_gather = receives.scatter_gather;
    out.takes = receives.takes;
    out.split_event_channels = theirs.flag("feature-split-event-channels");
    out.control_ring = theirs.flag("feature-ctrl-ring");
    out.multicast_control = theirs.flag("feature-multicast-control");
    out.dynamic_multicast_control =
        out.multicast_control && theirs.flag("feature-dynamic-multicast-control");
    out.max_queues = theirs.optional_number("multi-queue-max-queues");
    if (out.max_queues == 0U)
        theirs.fail("multi-queue-max-queues", errc::device_keys_malformed);
    out.carrier = read_carrier(theirs);
    out.trusted = ours.flag("trusted", true);
    out.mtu = read_mtu(ours);
    const auto mac = parse_mac(ours.text("mac"));
    if (!mac)
        ours.fail("mac", errc::device_keys_malformed);
    out.mac = mac.value_or(out.mac);
    return out;
}

void refresh_vif_backend(const store_operations& store, const device_names& names,
                         vif_backend_keys& keys) {
    std::string key;
    error_code ec;
    device_key_reader theirs{store, names.backend, key, ec};
    if (const bool carrier = read_carrier(theirs); !ec)
        keys.carrier = carrier;
    ec.clear();
    device_key_reader ours{store, names.frontend, key, ec};
    if (const auto mtu = read_mtu(ours); !ec)
        keys.mtu = mtu;
}

void write_vif_keys(store_operations& store, const std::string& directory,
                    const vif_published_keys& keys, error_code& ec) {
    const auto wanted = entries_of(keys);
    const auto is_wanted = [&](const std::string& name) {
        return std::ranges::any_of(wanted, [&](const auto& each) { return each.first == name; });
    };
    const auto path = [&](const std::string& name) { return directory + '/' + name; };
    for (const auto& name : store.directory(directory, ec))
        if (!ec && is_told(name) && !is_wanted(name))
            store.remove(path(name), ec);
    for (const auto& [name, value] : wanted)
        if (!ec)
            store.write(path(name), value, ec);
}

} // namespace xenring::frontend
