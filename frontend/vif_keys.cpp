#include <xenring/frontend/vif_keys.hpp>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

namespace xenring::frontend {
namespace {

constexpr std::size_t smallest_mtu = 68, largest_mtu = 65521;

/// A decimal number and nothing else; nothing if the key is not there.
std::optional<std::uint32_t> read_number(const store_operations& store, const std::string& path,
                                         std::string& key, error_code& ec) {
    if (ec)
        return std::nullopt;
    error_code trouble;
    const auto text = store.read(path, trouble);
    if (trouble == errno_code(ENOENT))
        return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (!trouble && wrong == std::errc{} && end == text.data() + text.size())
        return value;
    key = path;
    ec = trouble ? trouble : error_code{errc::device_keys_malformed};
    return std::nullopt;
}

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
    const auto offered = [&](const char* name) {
        return read_number(store, names.backend + '/' + name, key, ec).value_or(0) != 0;
    };
    vif_backend_keys out;
    if (!offered("feature-rx-copy") && !ec) {
        key = names.backend + "/feature-rx-copy";
        ec = errc::feature_missing;
    }
    out.scatter_gather = offered("feature-sg");
    out.takes.checksum_ipv4 = !offered("feature-no-csum-offload"); // the one that is on by default
    out.takes.checksum_ipv6 = offered("feature-ipv6-csum-offload");
    out.takes.tcpv4 = offered("feature-gso-tcpv4") && out.scatter_gather && out.takes.checksum_ipv4;
    out.takes.tcpv6 = offered("feature-gso-tcpv6") && out.scatter_gather && out.takes.checksum_ipv6;
    out.split_event_channels = offered("feature-split-event-channels");
    out.multi_queue =
        read_number(store, names.backend + "/multi-queue-max-queues", key, ec).has_value();
    out.trusted = read_number(store, names.frontend + "/trusted", key, ec).value_or(1) != 0;
    out.mtu = read_number(store, names.frontend + "/mtu", key, ec).value_or(1500);
    if (!ec && (out.mtu < smallest_mtu || out.mtu > largest_mtu)) {
        key = names.frontend + "/mtu";
        ec = errc::device_keys_malformed;
    }
    if (ec)
        return out;
    const auto mac = parse_mac(store.read(names.frontend + "/mac", ec));
    if (ec || !mac) {
        key = names.frontend + "/mac";
        ec = ec == errno_code(ENOENT) ? error_code{errc::device_keys_missing}
             : ec                     ? ec
                                      : error_code{errc::device_keys_malformed};
    }
    out.mac = mac.value_or(out.mac);
    return out;
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
    if (keys.multi_queue)
        number("multi-queue-num-queues", 1);
    number("request-rx-copy", 1);
    number("feature-rx-notify", 1);
    number("feature-sg", keys.scatter_gather);
    number("feature-gso-tcpv4", keys.scatter_gather && keys.takes.tcpv4);
    number("feature-gso-tcpv6", keys.scatter_gather && keys.takes.tcpv6);
    number("feature-ipv6-csum-offload", keys.takes.checksum_ipv6);
    number("feature-no-csum-offload", !keys.takes.checksum_ipv4);
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
            store.remove(directory + '/' + name, ec);
    }
    for (const auto& [name, value] : wanted)
        if (!ec)
            store.write(directory + '/' + name, value, ec);
}

} // namespace xenring::frontend
