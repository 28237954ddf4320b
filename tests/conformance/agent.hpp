// The far domain's hands: does on its hypervisor what the suite says.
#pragma once

#include "event_queue.hpp"
#include "words.hpp"

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/store.hpp>

#include <map>
#include <memory>

namespace xenring::conformance {

/// Executes commands, one at a time, and keeps what they open until it is closed by another.
///
///     share PEER COUNT ro|rw BYTE PORT   -> ID REFERENCE...
///     map ro|rw BYTE PORT DOMID:REF...   -> ID
///     read ID OFFSET LENGTH              -> BYTES
///     write ID OFFSET BYTES
///     end ID                             -> ended|busy|unknown
///     unmap ID
///     bind-unbound DOMID                 -> PORT
///     bind-interdomain DOMID PORT        -> PORT
///     unbind|notify|unmask PORT
///     wait-event PORT MILLISECONDS       -> yes|no
///     close-events
///     store-read PATH -> BYTES; store-write PATH BYTES; store-remove PATH
///     store-exhaust nodes|watches|transactions PATH MOST
///                                        -> COUNT [error CATEGORY VALUE]  (all of it was undone)
///     reset                              -> GRANTED MAPPED    (after everything was given up)
///     kill                               (SIGKILL to the own process; never answers)
class agent {
public:
    agent(std::shared_ptr<hypervisor> machine, store& where);

    /// The reply: "ok WORDS..." or "error CATEGORY VALUE".
    words execute(const words& command);

private:
    using handler = words (agent::*)(const words&);

    words share(const words& command);
    words map(const words& command);
    words read(const words& command);
    words write(const words& command);
    words end(const words& command);
    words unmap(const words& command);
    words bind_unbound(const words& command);
    words bind_interdomain(const words& command);
    words port_operation(const words& command);
    words wait_event(const words& command);
    words close_events(const words& command);
    words store_operation(const words& command);
    words store_crowd(const words& command);
    words store_exhaust(const words& command);
    words reset(const words& command);
    words kill(const words& command);

    event_queue& events();
    std::span<const std::byte> readable(std::uint32_t id) const;
    std::span<std::byte> writable(std::uint32_t id) const;

    static const std::map<std::string, handler>& handlers();

    std::shared_ptr<hypervisor> machine_;
    store& store_;
    std::unique_ptr<event_queue> events_;
    std::uint32_t next_id_ = 1;
    std::map<std::uint32_t, granted_pages> granted_;
    std::map<std::uint32_t, mapped_pages<access::read_write>> mapped_;
    std::map<std::uint32_t, mapped_pages<access::read_only>> mapped_read_only_;
};

} // namespace xenring::conformance
