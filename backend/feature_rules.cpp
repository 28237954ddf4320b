#include <xenring/backend/feature_rules.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace xenring::backend {
namespace {

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char each) {
        return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    });
    return out;
}

bool is_mac(std::string_view text) noexcept {
    if (text.size() != 17)
        return false;
    for (std::size_t i = 0; i != text.size(); ++i) {
        const bool digit = std::isxdigit(static_cast<unsigned char>(text[i]));
        if (i % 3 == 2 ? text[i] != ':' : !digit)
            return false;
    }
    return true;
}

/// As rules call the device; empty if it is no name of one.
std::string device_of(std::string_view text) {
    if (is_mac(text))
        return lower(text);
    const auto name = lower(text);
    const auto numbers = std::string_view{name}.substr(name.starts_with("vif") ? 3 : 0);
    const auto dot = numbers.find('.');
    if (dot == numbers.npos)
        return {};
    const auto guest = parse_number(numbers.substr(0, dot), first_reserved_domid - 1);
    const auto handle = parse_number(numbers.substr(dot + 1), 0xffff);
    if (!guest || !handle)
        return {};
    return "vif" + std::to_string(*guest) + '.' + std::to_string(*handle);
}

bool parse_switch(std::string_view text, feature_rule& rule, std::string& problem) {
    const auto equals = text.find('=');
    const auto value = equals == text.npos ? std::string_view{} : text.substr(equals + 1);
    rule.feature = text.substr(0, equals);
    rule.on = value == "on";
    vif_features scratch;
    if (!set_feature(scratch, rule.feature, true))
        problem = "there is no feature '" + rule.feature + '\'';
    else if (!rule.on && value != "off")
        problem = "a feature is switched with =on or =off, not '" + std::string{text} + '\'';
    return problem.empty();
}

} // namespace

std::optional<std::vector<feature_rule>> parse_feature_rules(std::string_view text,
                                                             std::string& problem) {
    problem.clear();
    const auto colon = text.rfind(':'); // a MAC address has some, too
    feature_rule rule;
    if (colon != text.npos)
        rule.device = device_of(text.substr(0, colon));
    if (rule.device.empty()) {
        problem = "not vifD.N:FEATURE=off or MAC:FEATURE=off: '" + std::string{text} + '\'';
        return std::nullopt;
    }
    std::vector<feature_rule> out;
    auto rest = text.substr(colon + 1);
    for (bool more = true; more;) {
        const auto comma = rest.find(',');
        more = comma != rest.npos;
        if (!parse_switch(rest.substr(0, comma), rule, problem))
            return std::nullopt;
        out.push_back(rule);
        rest.remove_prefix(more ? comma + 1 : rest.size());
    }
    return out;
}

void apply(const std::vector<feature_rule>& rules, std::string_view label, std::string_view mac,
           vif_features& features) {
    const auto address = lower(mac);
    for (const auto& rule : rules)
        if (rule.device == label || rule.device == address)
            set_feature(features, rule.feature, rule.on);
}

} // namespace xenring::backend
