#include "stand_in.hpp"

#include <cstdlib>

namespace xenring::tools {
namespace {

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

} // namespace

specification stand_in(const global_options& options) {
    auto text = options.specification();
    if (text.empty())
        text = "local";
    error_code ec;
    auto chosen = resolve_specification(text, from_environment, ec);
    if (ec || chosen.kind != hypervisor_kind::local)
        throw error{errc::bad_specification, '"' + text + "\" does not name a stand-in"};
    return chosen;
}

} // namespace xenring::tools
