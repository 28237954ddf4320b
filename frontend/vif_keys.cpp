#include <xenring/frontend/vif_keys.hpp>
#include <xenring/grant/device_keys.hpp>
#include <xenring/net/offload_keys.hpp>

#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

namespace xenring::frontend {
namespace {

constexpr std::uint32_t smallest_mtu = 68, usual_mtu = 1500, largest_mtu = 65521;

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

std::size_t read_mtu(device_key_reader& ours) {
    const auto mtu = ours.optional_number("mtu", largest_mtu).value_or(usual_mtu);
    if (mtu < smallest_mtu)
        ours.fail("mtu", errc::device_keys_malformed);
    return mtu;
}

bool read_carrier(device_key_reader& theirs) {
    return theirs.flag("carrier", true);
}

} // namespace

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
    out.multi_queue = theirs.optional_number("multi-queue-max-queues").has_value();
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
    std::vector<std::pair<std::string, std::string>> wanted;
    const auto number = [&](const char* name, std::uint32_t value) {
        wanted.emplace_back(name, std::to_string(value));
    };
    number("tx-ring-ref", keys.tx_ring.value);
    number("rx-ring-ref", keys.rx_ring.value);
    if (keys.rx_port) {
        number("event-channel-tx", keys.tx_port.value);
        number("event-channel-rx", keys.rx_port->value);
    } else {
        number("event-channel", keys.tx_port.value);
    }
    if (keys.control_ring) {
        number("ctrl-ring-ref", keys.control_ring->value);
        number("event-channel-ctrl", keys.control_port.value);
    }
    if (keys.multi_queue)
        number("multi-queue-num-queues", 1);
    number("request-rx-copy", 1);
    number("feature-rx-notify", 1);
    number("feature-sg", keys.scatter_gather);
    number("feature-gso-tcpv4", keys.scatter_gather && keys.takes.tcpv4);
    number("feature-gso-tcpv6", keys.scatter_gather && keys.takes.tcpv6);
    number("feature-ipv6-csum-offload", keys.takes.checksum_ipv6);
    number("feature-no-csum-offload", !keys.takes.checksum_ipv4);
    const auto path = [&](const std::string& name) { return directory + '/' + name; };
    const auto is_wanted = [&](const std::string& name) {
        for (const auto& each : wanted)
            if (each.first == name)
                return true;
        return false;
    };
    for (const auto& name : store.directory(directory, ec)) {
        const bool told = name.starts_with("event-channel") || name.starts_with("queue-") ||
                          name.starts_with("multi-queue-") || name == "ctrl-ring-ref" ||
                          name == "xdp-headroom" || name == "request-multicast-control";
        if (told && !is_wanted(name) && !ec)
            store.remove(path(name), ec);
    }
    for (const auto& [name, value] : wanted)
        if (!ec)
            store.write(path(name), value, ec);
}

} // namespace xenring::frontend
