#include <xenring/grant/xen/devices.hpp>
#include <xenring/grant/xen/event_channel.hpp>
#include <xenring/grant/xen/silent_logger.hpp>

#include <fcntl.h>
#include <unistd.h>
extern "C" { // these headers say nothing of C++
#include <xenevtchn.h>
}

#include <cerrno>
#include <type_traits>

namespace xenring::xen {
namespace {

struct handle_closer {
    void operator()(xenevtchn_handle* handle) const noexcept { xenevtchn_close(handle); }
};
using handle_ptr = std::unique_ptr<xenevtchn_handle, handle_closer>;

// The device reads and writes plain 32-bit port numbers, so spans of port go to it as they are.
static_assert(sizeof(port) == sizeof(std::uint32_t) && std::is_trivially_copyable_v<port>);

class xen_event_channel final : public event_channel {
public:
    explicit xen_event_channel(handle_ptr handle) noexcept : handle_{std::move(handle)} {}

    port bind_unbound(domid remote, error_code& ec) noexcept override {
        return bound(xenevtchn_bind_unbound_port(handle_.get(), remote.value), ec);
    }

    port bind_interdomain(domid remote, port remote_port, error_code& ec) noexcept override {
        return bound(xenevtchn_bind_interdomain(handle_.get(), remote.value, remote_port.value),
                     ec);
    }

    void unbind(port own, error_code& ec) noexcept override {
        report(xenevtchn_unbind(handle_.get(), own.value), ec);
    }

    void notify(port own, error_code& ec) noexcept override {
        report(xenevtchn_notify(handle_.get(), own.value), ec);
    }

    void unmask(port own, error_code& ec) noexcept override {
        report(xenevtchn_unmask(handle_.get(), own.value), ec);
    }

    std::size_t read_pending(std::span<port> out, error_code& ec) noexcept override;

    int native_handle() const noexcept override { return xenevtchn_fd(handle_.get()); }

private:
    static port bound(xenevtchn_port_or_error_t result, error_code& ec) noexcept {
        ec = result < 0 ? errno_code(errno) : error_code{};
        return result < 0 ? port{} : port{static_cast<std::uint32_t>(result)};
    }

    static void report(int result, error_code& ec) noexcept {
        ec = result == 0 ? error_code{} : errno_code(errno);
    }

    handle_ptr handle_;
};

// Reads the device itself: one read takes every pending port, where xenevtchn_pending() takes one
// and may block. Linux's driver masks each port that it puts into its ring, and honours O_NONBLOCK
// (drivers/xen/evtchn.c, evtchn_read).
std::size_t xen_event_channel::read_pending(std::span<port> out, error_code& ec) noexcept {
    ec.clear();
    for (;;) {
        const auto size = ::read(native_handle(), out.data(), out.size_bytes());
        if (size >= 0)
            return static_cast<std::size_t>(size) / sizeof(port);
        if (errno == EAGAIN)
            return 0;
        if (errno == EINTR)
            continue;
        // The driver's ring ran over; only a reset, or closing and reopening, makes it usable
        // again.
        ec = errno == EFBIG ? make_error_code(errc::event_overflow) : errno_code(errno);
        return 0;
    }
}

} // namespace

std::unique_ptr<event_channel> open_event_channel(const std::string& device_directory,
                                                  error_code& ec) {
    ec = check_device(device_directory, device::evtchn);
    if (ec)
        return nullptr;
    handle_ptr handle{xenevtchn_open(silent_logger(), 0)};
    const int flags = handle ? ::fcntl(xenevtchn_fd(handle.get()), F_GETFL) : -1;
    if (flags < 0 || ::fcntl(xenevtchn_fd(handle.get()), F_SETFL, flags | O_NONBLOCK) != 0) {
        ec = device_error(device::evtchn, errno);
        return nullptr;
    }
    return std::make_unique<xen_event_channel>(std::move(handle));
}

} // namespace xenring::xen
