// The seam on the stand-in, for one process of a domain, whichever way the stand-in is reached.
#pragma once

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/local/copy_cache.hpp>
#include <xenring/grant/local/fault_plan.hpp>
#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/mapping.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace xenring::local {

class client final : public hypervisor {
public:
    /// `why` says what decided for the stand-in; part of description().
    client(std::shared_ptr<link> connection, std::shared_ptr<fault_plan> faults, std::string why);
    ~client() override;

    std::string_view kind() const noexcept override { return "local"; }
    bool shares_cpus_with(domid) const noexcept override { return true; }
    std::string description() const override;
    domid self() const noexcept override { return link_->self(); }

    void copy(std::span<copy_segment> segments, error_code& ec) noexcept override;
    using hypervisor::copy;
    std::unique_ptr<event_channel> open_event_channel(error_code& ec) override;
    using hypervisor::open_event_channel;
    std::unique_ptr<store_pipe> open_store(error_code& ec) override;
    using hypervisor::open_store;

    void kill() noexcept { link_->disconnect(); }

protected:
    page_region do_share(domid peer, std::size_t count, access mode, const unmap_notify& notify,
                         std::vector<grant_ref>& references, error_code& ec) override;
    grant_end do_unshare(const page_region& region) noexcept override;
    page_region do_map(std::span<const foreign_grant> grants, access mode,
                       const unmap_notify& notify, error_code& ec) override;
    void do_unmap(const page_region& region, error_code& ec) noexcept override;

private:
    page_region keep(std::uint64_t handle, mapping pages);
    void forget(const page_region& region) noexcept;
    mapping place(const mapped_region& mapped, access mode, error_code& ec);

    const std::shared_ptr<link> link_;
    const std::shared_ptr<fault_plan> faults_;
    const std::string why_;
    std::mutex mutex_; // guards regions_
    std::map<std::uint64_t, mapping> regions_;
    std::mutex copy_mutex_; // guards copies_, and lasts over the copying itself
    copy_cache copies_;
};

} // namespace xenring::local
