#include <xenring/backend/vif_keys.hpp>
#include <xenring/net/offload_keys.hpp>

#include <string>
#include <utility>

namespace xenring::backend {
namespace {

vif_queue_keys read_queue(device_key_reader& keys) {
    vif_queue_keys out;
    out.tx_ring = grant_ref{keys.number("tx-ring-ref")};
    out.rx_ring = grant_ref{keys.number("rx-ring-ref")};
    if (const auto split = keys.optional_number("event-channel-tx")) {
        out.tx_port = port{*split};
        out.rx_port = port{keys.number("event-channel-rx")};
    } else {
        out.tx_port = port{keys.number("event-channel")};
    }
    return out;
}

std::optional<vif_control_keys> read_control(device_key_reader& keys) {
    const auto ring = keys.optional_number("ctrl-ring-ref");
    if (!ring)
        return std::nullopt;
    return vif_control_keys{grant_ref{*ring}, port{keys.number("event-channel-ctrl")}};
}

} // namespace

vif_frontend_keys read_vif_frontend(const store_operations& store, const std::string& directory,
                                    std::size_t max_queues, std::string& key, error_code& ec) {
    ec.clear();
    device_key_reader keys{store, directory, key, ec};
    vif_frontend_keys out;
    if (!keys.flag("request-rx-copy"))
        keys.fail("request-rx-copy", errc::feature_missing);
    const auto receives = net::read_receiver(keys);
    out.scatter_gather = receives.scatter_gather;
    out.takes = receives.takes;
    out.tells_refills = keys.flag("feature-rx-notify");
    out.filters_multicast = keys.flag("request-multicast-control");
    const auto count = keys.optional_number("multi-queue-num-queues").value_or(1);
    if (count == 0 || count > max_queues)
        keys.fail("multi-queue-num-queues = " + std::to_string(count) + ", of at most " +
                      std::to_string(max_queues),
                  errc::device_keys_malformed);
    if (keys.failed())
        return {};
    out.control = read_control(keys);
    if (count == 1)
        out.queues.push_back(read_queue(keys));
    for (std::uint32_t i = 0; count > 1 && i != count && !keys.failed(); ++i) {
        device_key_reader queue{store, directory + "/queue-" + std::to_string(i), key, ec};
        out.queues.push_back(read_queue(queue));
    }
    return keys.failed() ? vif_frontend_keys{} : std::move(out);
}

} // namespace xenring::backend
