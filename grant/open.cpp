// Which hypervisor a program runs on: said by the caller, by the environment, or found out.
#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/local/connect.hpp>
#include <xenring/grant/specification.hpp>

#ifdef XENRING_WITH_XEN
#include <xenring/grant/xen/open.hpp>
#endif

#include <cerrno>
#include <cstdlib>

namespace xenring {
namespace {

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

struct opened {
    std::shared_ptr<hypervisor> machine;
    std::string advice; // what failed and what to do, if anything failed
};

opened open_xen(std::string why, error_code& ec) {
#ifdef XENRING_WITH_XEN
    opened result;
    xen::open_options options;
    options.why = std::move(why);
    result.machine = xen::open(options, ec, &result.advice);
    return result;
#else
    ec = errc::no_hypervisor;
    return {nullptr, "this build has no support for real Xen (XENRING_WITH_XEN is off); " + why};
#endif
}

/// What is wrong with the stand-in that was asked for, and what to do.
std::string advice_on(const std::string& directory, const error_code& problem) {
    const auto another = "xenring --hypervisor local:";
    if (problem == errc::no_hypervisor)
        return "no stand-in answers in " + directory + "; start one with: " + another + directory +
               " hypervisor";
    if (problem == errno_code(EACCES) || problem == errno_code(EPERM))
        return "the stand-in in " + directory +
               " is another user's; run as that user, or start one of your own with: " + another +
               "DIRECTORY hypervisor";
    if (problem == errc::timed_out)
        return "the stand-in in " + directory +
               " does not answer; let it go on if it is stopped, or end it and start it again";
    return "cannot use the stand-in in " + directory;
}

opened open_local(const specification& wanted, error_code& ec) {
    opened result;
    local::connect_options options;
    options.directory = wanted.directory;
    options.self = wanted.self;
    options.fault = wanted.fault;
    options.why = wanted.why;
    result.machine = local::connect(options, ec);
    if (ec)
        result.advice =
            (wanted.asked ? "" : wanted.why + ", and ") + advice_on(wanted.directory, ec);
    return result;
}

opened open(std::string_view text, error_code& ec) {
    ec.clear();
    const auto wanted = resolve_specification(text, from_environment, ec);
    if (ec)
        return {nullptr, wanted.why};
    return wanted.kind == hypervisor_kind::xen ? open_xen(wanted.why, ec) : open_local(wanted, ec);
}

} // namespace

std::shared_ptr<hypervisor> open_hypervisor(std::string_view text, error_code& ec) {
    return open(text, ec).machine;
}

std::shared_ptr<hypervisor> open_hypervisor(std::string_view text) {
    error_code ec;
    auto [machine, advice] = open(text, ec);
    if (ec)
        throw_if(ec, "open the hypervisor: " + advice);
    return machine;
}

} // namespace xenring
