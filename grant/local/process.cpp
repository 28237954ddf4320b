#include <xenring/grant/local/process.hpp>
#include <xenring/grant/local/store_in_process.hpp>

#include <cerrno>

namespace xenring::local {

shared_region process::share(domid peer, std::uint32_t count, access mode,
                             const unmap_notify& notify, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, ec))
        return {};
    return machine_->grants.share(id_, self_, peer, count, mode, notify, ec);
}

grant_end process::unshare(region_id region, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, ec))
        return grant_end::unknown;
    return machine_->grants.unshare(id_, region, ec);
}

mapped_region process::map(std::span<const foreign_grant> grants, access mode,
                           const unmap_notify& notify, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, ec))
        return {};
    return machine_->grants.map(id_, self_, grants, mode, notify, ec);
}

void process::unmap(map_id map, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (machine_->find(id_, ec))
        machine_->grants.unmap(id_, map, ec);
}

file_descriptor process::memory(region_id region, access mode, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, ec))
        return {};
    return machine_->grants.memory(self_, region, mode, ec);
}

std::vector<copy_answer> process::check_copy(std::span<const copy_side> sides, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    std::vector<copy_answer> answers;
    if (!machine_->find(id_, ec))
        return answers;
    answers.reserve(sides.size());
    for (const auto& side : sides)
        answers.push_back(machine_->grants.check_copy(self_, side));
    return answers;
}

channel_id process::open_event_channel(error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    auto* const record = machine_->find(id_, ec);
    if (!record)
        return 0;
    const channel_id channel = machine_->next_channel++;
    record->channels.insert(channel);
    return channel;
}

void process::close_event_channel(channel_id channel, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    auto* const record = machine_->find(id_, channel, ec);
    if (!record)
        return;
    machine_->events.close(channel);
    record->channels.erase(channel);
}

channel_end process::bind_unbound(channel_id channel, domid remote, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, channel, ec))
        return {};
    return machine_->events.bind_unbound(self_, channel, remote, ec);
}

channel_end process::bind_interdomain(channel_id channel, domid remote, port remote_port,
                                      error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, channel, ec))
        return {};
    if (!machine_->domains.contains(remote)) {
        ec = errno_code(ESRCH);
        return {};
    }
    return machine_->events.bind_interdomain(self_, channel, remote, remote_port, ec);
}

void process::unbind(channel_id channel, port own, error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (machine_->find(id_, channel, ec))
        machine_->events.unbind(self_, channel, own, ec);
}

std::unique_ptr<store_pipe> process::open_store(error_code& ec) {
    std::lock_guard lock{machine_->mutex};
    if (!machine_->find(id_, ec))
        return nullptr;
    try {
        return open_in_process(machine_->store, self_);
    } catch (const error& failed) {
        ec = failed.code();
        return nullptr;
    }
}

error_code process::state() const noexcept {
    std::lock_guard lock{machine_->mutex};
    error_code ec;
    machine_->find(id_, ec);
    return ec;
}

} // namespace xenring::local
