#include <xenring/backend/vif_taps.hpp>
#include <xenring/net/tap.hpp>

namespace xenring::backend {
namespace {

const std::string mark_prefix = "xenring vif";

std::string mark_of(const device_names& names) {
    return "xenring " + names.label();
}

/// The vif's directory in the own part of the store; empty if it is no vif's mark.
std::string directory_of(const std::string& mark) {
    const auto numbers = mark.substr(mark_prefix.size());
    const auto dot = numbers.find('.');
    if (dot == numbers.npos || !parse_number(numbers.substr(0, dot), first_reserved_domid) ||
        !parse_number(numbers.substr(dot + 1), device_key_reader::any_number))
        return {};
    return "backend/vif/" + numbers.substr(0, dot) + '/' + numbers.substr(dot + 1);
}

/// Whether the script has come to its end, and an interface may be called as it likes.
bool is_set_up(const domain& here, const device_names& names) {
    error_code absent;
    return here.store().read(names.backend + "/hotplug-status", absent) == "connected" && !absent;
}

} // namespace

frame_port_opener tap_opener(const domain& here, const std::string& bridge, bool multi_queue,
                             std::size_t queue_length) {
    return [here, bridge, multi_queue, queue_length](const device_names& names, error_code& ec) {
        net::tap_options options;
        options.name = names.label();
        options.mark = mark_of(names);
        options.multi_queue = multi_queue;
        options.queue_length = queue_length;
        options.bridge = bridge;
        if (!bridge.empty())
            options.mtu = net::mtu_of(bridge);
        for (const auto& [name, mark] : net::list_taps(options.mark)) {
            if (mark != options.mark || name == names.label())
                continue;
            if (!bridge.empty() || is_set_up(here, names))
                options.name = name;
            else
                net::remove_left_over_tap(name);
        }
        return net::open_tap(options, ec);
    };
}

void remove_left_over_taps(const domain& here) {
    for (const auto& [name, mark] : net::list_taps(mark_prefix)) {
        const auto directory = directory_of(mark);
        error_code ec;
        if (!directory.empty() && !here.store().exists(directory, ec) && !ec)
            net::remove_left_over_tap(name);
    }
}

void remove_left_over_tap(const device_names& names) {
    for (const auto& [name, mark] : net::list_taps(mark_of(names)))
        if (mark == mark_of(names))
            net::remove_left_over_tap(name);
}

} // namespace xenring::backend
