#include <xenring/backend/vif_statistics.hpp>

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

} // namespace

std::string describe(const vif_statistics& counts) {
    return describe("tx", counts.tx) + "; " + describe("rx", counts.rx);
}

std::string prometheus_text(const std::vector<named_statistics>& vifs) {
    std::string out;
    for (const auto& [name, value] : flow_counters) {
        const auto metric = std::string{"xenring_vif_"} + name + "_total";
        out += "# TYPE " + metric + " counter\n";
        for (const auto& [vif, counts] : vifs)
            for (const auto& [direction, flow] :
                 {std::pair{"tx", &counts.tx}, std::pair{"rx", &counts.rx}})
                out += metric + "{vif=\"" + vif + "\",direction=\"" + direction + "\"} " +
                       std::to_string(flow->*value) + '\n';
    }
    return out;
}

} // namespace xenring::backend
