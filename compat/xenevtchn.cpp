// libxenevtchn's interface (xenevtchn.h) on the stand-in.
#include "session.hpp"

#include <poll.h>

#include <array>
#include <cerrno>

extern "C" { // the header has no guard for C++ of its own
#include <xenevtchn.h>
}

using namespace xenring;
using compat::fail;
using compat::unserved;

struct xenevtchn_handle {
    std::shared_ptr<hypervisor> machine;
    std::unique_ptr<event_channel> channel;
};

namespace {

int result(const error_code& ec) noexcept {
    return ec ? fail(ec) : 0;
}

xenevtchn_port_or_error_t result(port bound, const error_code& ec) noexcept {
    return ec ? fail(ec) : static_cast<xenevtchn_port_or_error_t>(bound.value);
}

} // namespace

extern "C" {

xenevtchn_handle* xenevtchn_open(xentoollog_logger*, unsigned int) {
    return compat::guarded(static_cast<xenevtchn_handle*>(nullptr), [] {
        xenevtchn_handle* none = nullptr;
        auto machine = compat::join();
        if (!machine)
            return none;
        error_code ec;
        auto channel = machine->open_event_channel(ec);
        if (ec) {
            fail(ec);
            return none;
        }
        return new xenevtchn_handle{std::move(machine), std::move(channel)};
    });
}

xenevtchn_handle* xenevtchn_fdopen(xentoollog_logger*, int, unsigned) {
    unserved("xenevtchn_fdopen");
    return nullptr;
}

int xenevtchn_close(xenevtchn_handle* xce) {
    delete xce;
    return 0;
}

int xenevtchn_fd(xenevtchn_handle* xce) {
    return xce->channel->native_handle();
}

int xenevtchn_notify(xenevtchn_handle* xce, evtchn_port_t number) {
    error_code ec;
    xce->channel->notify(port{number}, ec);
    return result(ec);
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle* xce, uint32_t domain) {
    error_code ec;
    const auto bound = xce->channel->bind_unbound(domid{static_cast<std::uint16_t>(domain)}, ec);
    return result(bound, ec);
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle* xce, uint32_t domain,
                                                     evtchn_port_t remote) {
    error_code ec;
    const auto bound =
        xce->channel->bind_interdomain(domid{static_cast<std::uint16_t>(domain)}, port{remote}, ec);
    return result(bound, ec);
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle*, unsigned int) {
    return unserved("xenevtchn_bind_virq");
}

int xenevtchn_unbind(xenevtchn_handle* xce, evtchn_port_t number) {
    error_code ec;
    xce->channel->unbind(port{number}, ec);
    return result(ec);
}

/// Blocks until a port has an event, whatever O_NONBLOCK says: xenevtchn.h tells callers that they
/// must not rely on it, and to poll() first.
xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle* xce) {
    for (;;) {
        std::array<port, 1> fired;
        error_code ec;
        if (xce->channel->read_pending(fired, ec) == 1)
            return static_cast<xenevtchn_port_or_error_t>(fired[0].value);
        if (ec)
            return fail(ec);
        pollfd entry{xce->channel->native_handle(), POLLIN, 0};
        if (::poll(&entry, 1, -1) < 0)
            return -1; // EINTR too: the real call is interrupted by signals as well
    }
}

int xenevtchn_unmask(xenevtchn_handle* xce, evtchn_port_t number) {
    error_code ec;
    xce->channel->unmask(port{number}, ec);
    return result(ec);
}

int xenevtchn_restrict(xenevtchn_handle*, domid_t) {
    return unserved("xenevtchn_restrict");
}

} // extern "C"
