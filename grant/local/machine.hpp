// The stand-in hypervisor: Xen's semantics on plain Linux, for tests, demonstrations and machines
// with no Xen.
#pragma once

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/local/fault_plan.hpp>
#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/options.hpp>
#include <xenring/grant/local/statistics.hpp>
#include <xenring/grant/local/store_server.hpp>

#include <functional>
#include <memory>

namespace xenring::local {

class machine_state;

/// A machine with domains, in this process. Nothing runs in the background: every effect of a call
/// is there when it returns.
///
///     local::machine machine;
///     auto backend = machine.open(domid{0}), guest = machine.open(domid{1});
///
/// Copies are the same machine; programs keep it alive. Thread safety: all members may be called
/// from any thread.
class machine {
public:
    explicit machine(machine_options options = {});

    /// Starts a process of a domain, and the domain if there is none of that number. The object's
    /// end is the process's end. A domain outlives its processes.
    std::shared_ptr<hypervisor> open(domid domain);
    std::shared_ptr<hypervisor> open(domid domain, error_code& ec);
    /// The same as a bare link.
    std::shared_ptr<link> start_process(domid domain, error_code& ec);

    /// Destroys a whole domain, as xl destroy does. No unmap notification fires and no event is
    /// raised. Peers' ports become unbound, for a domain of the same number; what it mapped is
    /// released; what it granted stays as it is under the maps that are there. Its store nodes go,
    /// and @releaseDomain fires. Its processes get errc::domain_destroyed from now on. Error:
    /// errc::no_such_domain.
    void destroy(domid domain, error_code& ec);
    void destroy(domid domain);

    /// Raises an event with no cause at a port of a domain. Nothing happens if it is not bound.
    void raise_spurious(domid domain, port where);

    /// The calls that shall fail, of all programs that open() returned.
    fault_plan& faults() const noexcept;

    const std::shared_ptr<store_server>& store() const noexcept;

    /// Called with each domain that comes (true) or goes (false), with nothing locked. One listener
    /// at a time; an empty function removes it.
    void on_domain(std::function<void(domid, bool)> listener);

    machine_statistics statistics() const;

private:
    std::shared_ptr<machine_state> state_;
};

/// Kills the process that `program` stands for, as SIGKILL would: the hypervisor and the kernel
/// take back what it held. Its further calls fail with errc::not_connected (errc::hypervisor_gone
/// where the stand-in is another process). Precondition: `program` is of the stand-in.
void kill_process(hypervisor& program);

} // namespace xenring::local
