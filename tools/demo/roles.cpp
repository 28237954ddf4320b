#include "roles.hpp"

#include <xenring/grant/error.hpp>

namespace xenring::tools::demo {
namespace {

/// Runs a role's parts; what they throw becomes a line for people.
template <class... Part>
bool run_parts(const char* role, const plan& work, reporter& report, Part... part) {
    try {
        return (part(work, report) && ...);
    } catch (const std::exception& problem) {
        report.trouble(std::string{role} + ": " + problem.what());
        return false;
    }
}

} // namespace

std::string specification(const plan& work, std::uint16_t domid) {
    return "local:" + work.directory + "?domid=" + std::to_string(domid);
}

bool run_backend(const plan& work, reporter& report) {
    return run_parts("backend", work, report, serve_digests, receive_stream);
}

bool run_frontend(const plan& work, reporter& report) {
    return run_parts("frontend", work, report, ask_digests, send_stream);
}

} // namespace xenring::tools::demo
