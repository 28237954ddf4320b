#pragma once

/// Features that are switched for one device only.

#include <xenring/backend/vif_features.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::backend {

/// Switches one feature of one device.
struct feature_rule {
    std::string
        device; ///< "vif3.0", or a MAC address in lower case, which stays when domids change
    std::string feature;
    bool on = false;
    friend bool operator==(const feature_rule&, const feature_rule&) = default;
};

/// Reads "DEVICE:FEATURE=on|off[,FEATURE=on|off...]", where DEVICE is "vif3.0", "3.0" or a MAC
/// address. Nothing for all else; `problem` then says for people what is wrong.
std::optional<std::vector<feature_rule>> parse_feature_rules(std::string_view text,
                                                             std::string& problem);

/// Applies those rules that are for this device, in their order. `mac` in any case.
void apply(const std::vector<feature_rule>& rules, std::string_view label, std::string_view mac,
           vif_features& features);

} // namespace xenring::backend
