#include "stand_in.hpp"

namespace xenring::tools {

specification stand_in(const global_options& options) {
    auto text = options.specification();
    if (text.empty() && from_environment("XENRING_HYPERVISOR").empty())
        text = "local"; // even where there is Xen: real Xen is not what these commands are for
    error_code ec;
    auto chosen = resolve_specification(text, from_environment, ec);
    if (ec)
        throw usage_problem{chosen.why};
    if (chosen.kind != hypervisor_kind::local)
        throw usage_problem{
            "this command is for the stand-in only, and " +
            std::string{options.hypervisor.empty() ? "XENRING_HYPERVISOR" : "--hypervisor"} +
            " says xen"};
    return chosen;
}

std::string none_runs_in(const std::string& directory) {
    return "no stand-in answers in " + directory +
           "; start one with: xenring --hypervisor local:" + directory + " hypervisor";
}

} // namespace xenring::tools
