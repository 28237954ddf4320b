// A process of a domain whose machine is in this very process.
#pragma once

#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/machine_state.hpp>

#include <memory>

namespace xenring::local {

class process final : public link {
public:
    process(std::shared_ptr<machine_state> machine, process_id id, domid self,
            file_descriptor ended)
        : machine_{std::move(machine)}, id_{id}, self_{self}, ended_{std::move(ended)} {}
    ~process() override { process::disconnect(); }

    domid self() const noexcept override { return self_; }
    std::string where() const override { return "in this process"; }

    shared_region share(domid peer, std::uint32_t count, access mode, const unmap_notify& notify,
                        error_code& ec) override;
    grant_end unshare(region_id region, error_code& ec) override;
    mapped_region map(std::span<const foreign_grant> grants, access mode,
                      const unmap_notify& notify, error_code& ec) override;
    void unmap(map_id map, error_code& ec) override;
    file_descriptor memory(region_id region, access mode, error_code& ec) override;
    std::vector<copy_answer> check_copy(std::span<const copy_side> sides, error_code& ec) override;

    channel_id open_event_channel(error_code& ec) override;
    void close_event_channel(channel_id channel, error_code& ec) override;
    channel_end bind_unbound(channel_id channel, domid remote, error_code& ec) override;
    channel_end bind_interdomain(channel_id channel, domid remote, port remote_port,
                                 error_code& ec) override;
    void unbind(channel_id channel, port own, error_code& ec) override;

    std::unique_ptr<store_pipe> open_store(error_code& ec) override;

    error_code state() const noexcept override;
    int destroyed_handle() const noexcept override { return ended_.get(); }
    int gone_handle() const noexcept override { return -1; }
    void disconnect() noexcept override { machine_->end(id_); }

private:
    std::shared_ptr<machine_state> machine_;
    process_id id_;
    domid self_;
    file_descriptor ended_;
};

} // namespace xenring::local
