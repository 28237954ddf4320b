// Event channel ports on an Asio executor: one descriptor, many ports, no thread of our own.
#pragma once

#include <xenring/grant/event_channel.hpp>
#include <xenring/grant/hypervisor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace xenring {

namespace detail {
class port_set_state;
struct port_record;
} // namespace detail
class store_watch;
struct watch_ticket;

/// How many events a port has seen. Take one with bound_port::seen() BEFORE looking at the shared
/// memory; a wait with it then ends at once if an event came after. No wake-up falls between.
struct event_ticket {
    std::uint64_t count = 0;
};

/// One port, bound; unbound by the destructor. Move-only.
///
/// An event wakes every wait that is under way on the port, and is a hint: look again. The port
/// stays masked from an event until the next wait begins, so a peer that raises events faster than
/// they are handled costs one wake-up a round (XSA-332, XSA-391).
///
/// Thread safety: notify() and seen() from any thread. Waits follow Asio's rule for I/O objects:
/// shared objects are not safe without a strand. wait_until() reads the set's descriptor itself:
/// use it only while no other thread waits on, or runs, the same port_set.
class bound_port {
public:
    bound_port() noexcept = default;
    bound_port(bound_port&&) noexcept;
    bound_port& operator=(bound_port&&) noexcept;
    /// Cancels waits under way, then unbinds.
    ~bound_port();

    explicit operator bool() const noexcept { return record_ != nullptr; }
    port number() const noexcept;

    /// Raises an event at the peer.
    void notify(error_code& ec) noexcept;
    void notify();

    event_ticket seen() const noexcept;

    /// Completes with void(error_code) once the port has seen an event after `ticket`. Errors:
    /// operation_aborted (cancelled, per operation or by cancel() or by the destructor),
    /// errc::event_overflow, errc::domain_destroyed, errc::hypervisor_gone, errno of the device.
    /// Supports per-operation cancellation (total, partial, terminal).
    template <class CompletionToken>
    auto async_wait(event_ticket ticket, CompletionToken&& token);

    /// Blocks until an event after `ticket`, or until the deadline: then ec is errc::timed_out.
    void wait_until(event_ticket ticket, std::chrono::steady_clock::time_point deadline,
                    error_code& ec) noexcept;

    /// The same, and until `watch` has had an event after `told`: what ended the wait, and how. No
    /// timer runs but for the deadline; time_point::max() is none.
    enum class woken_by { port, watch, deadline };
    woken_by wait_until(event_ticket ticket, std::chrono::steady_clock::time_point deadline,
                        store_watch& watch, watch_ticket told, error_code& ec);

    /// Ends every wait under way on this port with operation_aborted.
    void cancel() noexcept;

private:
    friend class port_set;
    bound_port(std::shared_ptr<detail::port_set_state>,
               std::shared_ptr<detail::port_record>) noexcept;

    std::shared_ptr<detail::port_set_state> set_;
    std::shared_ptr<detail::port_record> record_;
};

/// The ports of one event channel descriptor, on one executor. Ports keep what they need alive, so
/// the set itself may go first. Binding is thread safe.
class port_set {
public:
    port_set(boost::asio::any_io_executor executor, hypervisor& machine);
    port_set(boost::asio::any_io_executor executor, hypervisor& machine, error_code& ec);

    boost::asio::any_io_executor get_executor() const noexcept;

    /// See event_channel::bind_unbound and bind_interdomain.
    bound_port bind_unbound(domid remote, error_code& ec);
    bound_port bind_unbound(domid remote);
    bound_port bind_interdomain(domid remote, port remote_port, error_code& ec);
    bound_port bind_interdomain(domid remote, port remote_port);

private:
    std::shared_ptr<detail::port_set_state> state_;
};

} // namespace xenring

#include <xenring/grant/impl/port_set.hpp>
