// What a machine consists of, under one lock. Internal to the stand-in.
#pragma once

#include <xenring/grant/local/event_channels.hpp>
#include <xenring/grant/local/fault_plan.hpp>
#include <xenring/grant/local/grant_table.hpp>
#include <xenring/grant/local/machine.hpp>

#include <map>
#include <mutex>
#include <set>

namespace xenring::local {

class machine_state {
public:
    /// A process of a domain, as the machine knows it.
    struct process_record {
        domid domain;
        bool destroyed = false; ///< its domain is gone
        file_descriptor ended;  ///< see started
        std::set<channel_id> channels;
    };

    explicit machine_state(machine_options wanted)
        : options{std::move(wanted)}, store{std::make_shared<store_server>(options.store)} {}

    struct started {
        process_id process = 0;
        file_descriptor ended; ///< polls readable once the process can do nothing any more
    };

    started start(domid domain, error_code& ec);
    void end(process_id process) noexcept;
    void destroy(domid domain, error_code& ec);
    machine_statistics statistics() const;

    /// The process, if it can still act; else ec says why not. Precondition: locked.
    process_record* find(process_id process, error_code& ec);
    /// Likewise, and the descriptor is one of its own (EBADF).
    process_record* find(process_id process, channel_id channel, error_code& ec);

    mutable std::mutex mutex;
    const machine_options options;
    const std::shared_ptr<store_server> store;
    fault_plan faults;
    event_channels events{options.ports};
    grant_table grants{events, options};
    std::set<domid> domains;
    std::map<process_id, process_record> processes;
    std::uint64_t next_process = 1;
    std::uint64_t next_channel = 1;
    std::mutex listener_mutex;
    std::function<void(domid, bool)> listener;

private:
    void tell(domid domain, bool exists);
};

} // namespace xenring::local
