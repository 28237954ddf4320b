#include "session.hpp"

#include <xenring/grant/local/connect.hpp>
#include <xenring/grant/specification.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace xenring::compat {
namespace {

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::shared_ptr<hypervisor> connect() {
    error_code ec;
    auto text = from_environment("XENRING_HYPERVISOR");
    const auto wanted = resolve_specification(text.empty() ? "local" : text, from_environment, ec);
    if (!ec && wanted.kind != hypervisor_kind::local)
        ec = errc::bad_specification;
    std::shared_ptr<hypervisor> machine;
    if (!ec) {
        local::connect_options options;
        options.directory = wanted.directory;
        options.self = wanted.self;
        options.fault = wanted.fault;
        machine = local::connect(options, ec);
    }
    if (ec) {
        std::fprintf(stderr,
                     "xenring: cannot join the stand-in hypervisor in %s: %s\n"
                     "xenring: start programs with: xenring --domid N run -- PROGRAM\n",
                     wanted.directory.c_str(), ec.message().c_str());
        fail(ec);
    }
    return machine;
}

} // namespace

std::shared_ptr<hypervisor> join() {
    static std::mutex mutex;
    static std::weak_ptr<hypervisor> current;
    std::lock_guard lock{mutex};
    auto machine = current.lock();
    if (!machine) {
        machine = connect();
        current = machine;
    }
    return machine;
}

int fail(const error_code& ec) noexcept {
    if (ec.category() == boost::system::system_category() ||
        ec.category() == boost::system::generic_category())
        errno = ec.value();
    else if (ec == errc::grant_limit)
        errno = ENOSPC;
    else if (ec.category() == grant_status_category() || ec == errc::unmap_notify_refused)
        errno = EINVAL; // gntdev tells no more than that
    else if (ec == errc::device_permission)
        errno = EACCES;
    else
        errno = ENODEV; // the hypervisor, or this domain, is gone
    return -1;
}

int unserved(const char* function) noexcept {
    std::fprintf(stderr, "xenring: %s: the stand-in hypervisor does not offer this\n", function);
    errno = ENOSYS;
    return -1;
}

} // namespace xenring::compat
