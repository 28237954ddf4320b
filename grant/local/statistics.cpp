#include <xenring/grant/local/statistics.hpp>

#include <cstdio>

namespace xenring::local {

std::size_t machine_statistics::left_over() const noexcept {
    std::size_t sum = 0;
    for (const auto& one : domains)
        sum += one.pages_granted + one.pages_deferred + one.pages_mapped + one.ports + one.watches +
               one.store_transactions;
    return sum;
}

domain_statistics machine_statistics::of(domid domain) const noexcept {
    for (const auto& one : domains)
        if (one.domain == domain)
            return one;
    return {domain};
}

std::string to_string(const machine_statistics& statistics) {
    std::string text = "domain  processes  granted  deferred  mapped  ports  watches  nodes\n";
    for (const auto& one : statistics.domains) {
        char line[128];
        std::snprintf(line, sizeof line, "%6u  %9zu  %7zu  %8zu  %6zu  %5zu  %7zu  %5zu\n",
                      one.domain.value, one.processes, one.pages_granted, one.pages_deferred,
                      one.pages_mapped, one.ports, one.watches, one.store_nodes);
        text += line;
    }
    return text;
}

} // namespace xenring::local
