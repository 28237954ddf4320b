#include <xenring/backend/mapping_budget.hpp>

#include <fstream>

namespace xenring::backend {

std::size_t mapping_budget::usual() noexcept {
    std::size_t allowed = 65530; // as Linux does by default
    std::ifstream{"/proc/sys/vm/max_map_count"} >> allowed;
    return allowed / 2;
}

} // namespace xenring::backend
