#include <xenring/grant/local/client.hpp>
#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/local/machine_state.hpp>
#include <xenring/grant/local/process.hpp>

#include <cerrno>
#include <string>

namespace xenring::local {

void machine_state::tell(domid domain, bool exists) {
    std::function<void(domid, bool)> current;
    {
        std::lock_guard lock{listener_mutex};
        current = listener;
    }
    if (current)
        current(domain, exists);
}

machine_state::started machine_state::start(domid domain, error_code& ec) {
    if (domain.value >= first_reserved_domid)
        ec = errno_code(EINVAL);
    process_record fresh{domain, false, {}, {}};
    started result;
    if (!ec)
        fresh.ended = make_event(ec);
    if (!ec)
        result.ended = fresh.ended.duplicate(ec);
    if (ec)
        return {};
    bool is_new = false;
    {
        std::lock_guard lock{mutex};
        is_new = domains.insert(domain).second;
        grants.add_domain(domain);
        result.process = next_process++;
        processes.emplace(result.process, std::move(fresh));
        store->introduce(domain);
    }
    if (is_new)
        tell(domain, true);
    return result;
}

void machine_state::end(process_id process) noexcept {
    std::lock_guard lock{mutex};
    const auto found = processes.find(process);
    if (found == processes.end())
        return;
    raise(found->second.ended);
    if (!found->second.destroyed) {
        // The kernel's order at exit: memory goes before files.
        grants.end_process(process);
        for (const auto channel : found->second.channels)
            events.close(channel);
    }
    processes.erase(found);
}

void machine_state::destroy(domid domain, error_code& ec) {
    {
        std::lock_guard lock{mutex};
        if (domains.erase(domain) == 0) {
            ec = errc::no_such_domain;
            return;
        }
        for (auto& [id, process] : processes) {
            if (process.domain != domain || process.destroyed)
                continue;
            process.destroyed = true;
            raise(process.ended);
        }
        events.remove_domain(domain);
        grants.remove_domain(domain);
        store->release(domain);
    }
    tell(domain, false);
}

machine_state::process_record* machine_state::find(process_id process, error_code& ec) {
    const auto found = processes.find(process);
    if (found == processes.end())
        ec = errc::not_connected;
    else if (found->second.destroyed)
        ec = errc::domain_destroyed;
    return ec ? nullptr : &found->second;
}

machine_state::process_record* machine_state::find(process_id process, channel_id channel,
                                                   error_code& ec) {
    auto* const found = find(process, ec);
    if (!found || found->channels.contains(channel))
        return found;
    ec = errno_code(EBADF);
    return nullptr;
}

machine_statistics machine_state::statistics() const {
    machine_statistics result;
    std::lock_guard lock{mutex};
    for (const auto domain : domains) {
        domain_statistics one;
        one.domain = domain;
        for (const auto& [id, process] : processes)
            one.processes += process.domain == domain && !process.destroyed ? 1 : 0;
        const auto pages = grants.count(domain);
        one.pages_granted = pages.granted;
        one.pages_deferred = pages.deferred;
        one.pages_mapped = pages.mapped;
        one.ports = events.ports(domain);
        const auto in_store = store->used_by(domain);
        one.watches = in_store.watches;
        one.store_transactions = in_store.transactions;
        one.store_nodes = in_store.nodes;
        result.domains.push_back(one);
    }
    return result;
}

machine::machine(machine_options options)
    : state_{std::make_shared<machine_state>(std::move(options))} {
    state_->domains.insert(domid{0}); // the store knows it from the start, too
    state_->grants.add_domain(domid{0});
}

std::shared_ptr<link> machine::start_process(domid domain, error_code& ec) {
    ec.clear();
    auto started = state_->start(domain, ec);
    if (ec)
        return nullptr;
    return std::make_shared<process>(state_, started.process, domain, std::move(started.ended));
}

std::shared_ptr<hypervisor> machine::open(domid domain, error_code& ec) {
    auto started = start_process(domain, ec);
    if (ec)
        return nullptr;
    // The plan lives in the machine's state, which the process keeps alive.
    return std::make_shared<client>(std::move(started),
                                    std::shared_ptr<fault_plan>{state_, &state_->faults}, "");
}

std::shared_ptr<hypervisor> machine::open(domid domain) {
    error_code ec;
    auto opened = open(domain, ec);
    throw_if(ec, "start a process of domain " + std::to_string(domain.value));
    return opened;
}

void machine::destroy(domid domain, error_code& ec) {
    ec.clear();
    state_->destroy(domain, ec);
}

void machine::destroy(domid domain) {
    error_code ec;
    destroy(domain, ec);
    throw_if(ec, "destroy domain " + std::to_string(domain.value));
}

void machine::raise_spurious(domid domain, port where) {
    std::lock_guard lock{state_->mutex};
    state_->events.raise_here(domain, where);
}

fault_plan& machine::faults() const noexcept {
    return state_->faults;
}

const std::shared_ptr<store_server>& machine::store() const noexcept {
    return state_->store;
}

void machine::on_domain(std::function<void(domid, bool)> listener) {
    std::lock_guard lock{state_->listener_mutex};
    state_->listener = std::move(listener);
}

machine_statistics machine::statistics() const {
    return state_->statistics();
}

void kill_process(hypervisor& program) {
    dynamic_cast<client&>(program).kill();
}

} // namespace xenring::local
