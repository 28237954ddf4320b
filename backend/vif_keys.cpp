#include <xenring/backend/vif_keys.hpp>

#include <array>
#include <cerrno>
#include <limits>
#include <utility>

namespace xenring::backend {
namespace {

constexpr std::uint32_t any_number = std::numeric_limits<std::uint32_t>::max();

/// Reads keys of one directory; the first error stays, with the key that it is about.
class key_reader {
public:
    key_reader(const store_operations& store, std::string directory, std::string& key,
               error_code& ec) noexcept
        : store_{store}, directory_{std::move(directory)}, key_{key}, ec_{ec} {}

    std::optional<std::uint32_t> optional_number(const std::string& name, std::uint32_t limit) {
        if (ec_)
            return std::nullopt;
        error_code ec;
        const auto text = store_.read(directory_ + '/' + name, ec);
        if (ec == errno_code(ENOENT))
            return std::nullopt;
        const auto value = ec ? std::nullopt : parse_number(text, limit);
        if (!value)
            fail(name, ec ? ec : make_error_code(errc::device_keys_malformed));
        return value;
    }

    std::uint32_t number(const std::string& name, std::uint32_t limit) {
        const auto value = optional_number(name, limit);
        if (!value && !ec_)
            fail(name, errc::device_keys_missing);
        return value.value_or(0);
    }

    bool flag(const std::string& name) {
        return optional_number(name, any_number).value_or(0) != 0;
    }

    void fail(const std::string& name, error_code ec) {
        key_ = directory_ + '/' + name;
        ec_ = ec;
    }
    bool failed() const noexcept { return ec_.failed(); }

private:
    const store_operations& store_;
    std::string directory_;
    std::string& key_;
    error_code& ec_;
};

vif_queue_keys read_queue(key_reader& keys) {
    vif_queue_keys out;
    out.tx_ring = grant_ref{keys.number("tx-ring-ref", any_number)};
    out.rx_ring = grant_ref{keys.number("rx-ring-ref", any_number)};
    if (const auto split = keys.optional_number("event-channel-tx", any_number)) {
        out.tx_port = port{*split};
        out.rx_port = port{keys.number("event-channel-rx", any_number)};
    } else {
        out.tx_port = port{keys.number("event-channel", any_number)};
    }
    return out;
}

} // namespace

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t limit) noexcept {
    if (text.empty() || text.size() > 10)
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9')
            return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (value > limit)
        return std::nullopt;
    return static_cast<std::uint32_t>(value);
}

vif_frontend_keys read_vif_frontend(const store_operations& store, const std::string& directory,
                                    std::size_t max_queues, std::string& key, error_code& ec) {
    ec.clear();
    key_reader keys{store, directory, key, ec};
    vif_frontend_keys out;
    if (!keys.flag("request-rx-copy") && !keys.failed())
        keys.fail("request-rx-copy", errc::feature_missing);
    out.scatter_gather = keys.flag("feature-sg");
    out.tells_refills = keys.flag("feature-rx-notify");
    out.filters_multicast = keys.flag("request-multicast-control");
    out.takes.checksum_ipv4 =
        !keys.flag("feature-no-csum-offload"); // the one that is on by default
    out.takes.checksum_ipv6 = keys.flag("feature-ipv6-csum-offload");
    out.takes.tcpv4 =
        keys.flag("feature-gso-tcpv4") && out.scatter_gather && out.takes.checksum_ipv4;
    out.takes.tcpv6 =
        keys.flag("feature-gso-tcpv6") && out.scatter_gather && out.takes.checksum_ipv6;
    const auto count = keys.optional_number("multi-queue-num-queues", any_number).value_or(1);
    if (!keys.failed() && (count == 0 || count > max_queues))
        keys.fail("multi-queue-num-queues", errc::device_keys_malformed);
    if (keys.failed())
        return {};
    if (count == 1)
        out.queues.push_back(read_queue(keys));
    for (std::uint32_t i = 0; count > 1 && i != count && !keys.failed(); ++i) {
        key_reader queue{store, directory + "/queue-" + std::to_string(i), key, ec};
        out.queues.push_back(read_queue(queue));
    }
    return keys.failed() ? vif_frontend_keys{} : std::move(out);
}

void write_vif_features(store_operations& store, const std::string& directory,
                        const vif_features& features, error_code& ec) {
    const std::array<std::pair<const char*, std::size_t>, 10> keys{{
        {"feature-rx-copy", 1},
        {"feature-rx-flip", 0},
        {"feature-sg", features.scatter_gather},
        {"feature-gso-tcpv4", features.scatter_gather && features.tcpv4_segmentation},
        {"feature-gso-tcpv6", features.scatter_gather && features.tcpv6_segmentation},
        {"feature-ipv6-csum-offload", features.ipv6_checksum},
        {"feature-split-event-channels", features.split_event_channels},
        {"feature-multicast-control", features.multicast_control},
        {"feature-dynamic-multicast-control",
         features.multicast_control && features.dynamic_multicast_control},
        {"multi-queue-max-queues", features.max_queues},
    }};
    ec.clear();
    for (const auto& [name, value] : keys)
        if (!ec)
            store.write(directory + '/' + name, std::to_string(value), ec);
}

} // namespace xenring::backend
