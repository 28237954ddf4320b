// The seam's third of event channels: one open descriptor that carries many ports.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/types.hpp>

#include <cstddef>
#include <span>

namespace xenring {

/// One open event channel descriptor, as /dev/xen/evtchn is: ports bound through it belong to it,
/// and closing it unbinds them all.
///
/// Semantics that every implementation keeps (Linux drivers/xen/evtchn.c, xenevtchn.h):
/// - A freshly bound port is unmasked. bind_interdomain() leaves the own port pending, so a first
///   event with no cause is normal. Every event is a hint, never a count: events merge.
/// - read_pending() masks each port that it returns; nothing more arrives on it until unmask().
///   Events that came meanwhile are delivered once, after unmask().
/// - A notify to a port whose peer end is not (or no longer) bound is lost without an error.
///
/// Thread safety: notify() may be called from any thread; the rest is for one thread at a time.
class event_channel {
public:
    event_channel() = default;
    event_channel(const event_channel&) = delete;
    event_channel& operator=(const event_channel&) = delete;
    virtual ~event_channel() = default;

    /// Allocates a port that `remote`, and nobody else, may bind to.
    virtual port bind_unbound(domid remote, error_code& ec) noexcept = 0;

    /// Binds a new own port to `remote_port`, which `remote` left unbound for this domain. EINVAL
    /// if it is not unbound, or not for us: that is the lock which gives a vchan server one client
    /// at a time. ESRCH: there is no such domain.
    virtual port bind_interdomain(domid remote, port remote_port, error_code& ec) noexcept = 0;

    /// Closes one port. The peer's end becomes unbound, for this same domain. ENOTCONN if the port
    /// was not bound through this object. Its number may still come out of read_pending() once.
    virtual void unbind(port own, error_code& ec) noexcept = 0;

    /// Raises an event at the other end. ENOTCONN if the port was not bound through this object.
    virtual void notify(port own, error_code& ec) noexcept = 0;

    /// Lets events of a port through again after read_pending() returned it. A port that was not
    /// bound through this object is ignored.
    virtual void unmask(port own, error_code& ec) noexcept = 0;

    /// Takes up to out.size() ports that have an event, masking each; 0 if there are none. Never
    /// blocks. Errors: errc::event_overflow, errc::domain_destroyed, errc::hypervisor_gone, errno.
    virtual std::size_t read_pending(std::span<port> out, error_code& ec) noexcept = 0;

    /// A descriptor that polls readable when read_pending() may have something. Owned by this
    /// object; do not read it, do not close it.
    virtual int native_handle() const noexcept = 0;
};

} // namespace xenring
