#include <xenring/backend/vif_statistics.hpp>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

namespace xenring::backend {
namespace {

std::string describe(const char* direction, const flow_statistics& flow) {
    auto out = std::string{direction} + ' ' + std::to_string(flow.packets) + " packets " +
               std::to_string(flow.bytes) + " bytes";
    for (const auto& [name, value] : flow_counters)
        if (value != &flow_statistics::packets && value != &flow_statistics::bytes &&
            flow.*value != 0)
            out += std::string{" "} + name + ' ' + std::to_string(flow.*value);
    return out;
}

/// One line of Prometheus' text.
std::string sample(const std::string& metric, const std::string& vif, std::size_t queue,
                   const char* direction, std::uint64_t value) {
    return metric + "{vif=\"" + vif + "\",queue=\"" + std::to_string(queue) + "\",direction=\"" +
           direction + "\"} " + std::to_string(value) + '\n';
}

} // namespace

std::string describe(const vif_statistics& counts) {
    return describe("tx", counts.tx) + "; " + describe("rx", counts.rx);
}

std::string prometheus_text(const std::vector<named_statistics>& queues) {
    std::string out;
    for (const auto& [name, value] : flow_counters) {
        const auto metric = std::string{"xenring_vif_"} + name + "_total";
        out += "# TYPE " + metric + " counter\n";
        for (const auto& [vif, queue, counts] : queues)
            for (const auto& [direction, flow] :
                 {std::pair{"tx", &counts.tx}, std::pair{"rx", &counts.rx}})
                out += sample(metric, vif, queue, direction, flow->*value);
    }
    return out;
}

std::string readable(std::string_view prometheus) {
    std::vector<std::pair<std::string, std::string>> lines; // what it is of, its counters
    std::istringstream in{std::string{prometheus}};
    for (std::string text; std::getline(in, text);) {
        char name[32], vif[32], queue[16], direction[16], value[32];
        if (std::sscanf(text.c_str(),
                        "xenring_vif_%31[a-z_]{vif=\"%31[^\"]\",queue=\"%15[0-9]\","
                        "direction=\"%15[a-z]\"} %31[0-9]",
                        name, vif, queue, direction, value) != 5)
            continue;
        const auto of = std::string{vif} + " queue " + queue + ' ' + direction;
        auto line = std::ranges::find(lines, of, &std::pair<std::string, std::string>::first);
        if (line == lines.end())
            line = lines.insert(line, {of, {}});
        auto counter = std::string_view{name};
        counter.remove_suffix(std::min(counter.size(), std::string_view{"_total"}.size()));
        if (counter == "packets" || counter == "bytes")
            line->second.append({' '}).append(value).append({' '}).append(counter);
        else if (std::string_view{value} != "0")
            line->second.append({' '}).append(counter).append({' '}).append(value);
    }
    std::string out;
    for (const auto& [of, counters] : lines)
        out += of + counters + '\n';
    return out;
}

} // namespace xenring::backend
