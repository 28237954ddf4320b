#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/leak_report.hpp>
#include <xenring/grant/ledger.hpp>

#include <algorithm>
#include <iterator>
#include <mutex>

namespace xenring {

/// Granted regions that a peer still maps although we asked for their end.
struct hypervisor::quarantined_regions {
    std::mutex mutex;
    std::vector<page_region> regions;
};

hypervisor::hypervisor()
    : accounts_{std::make_unique<ledger>()}, quarantine_{std::make_unique<quarantined_regions>()} {
    detail::include_in_leak_report(*this);
}

hypervisor::~hypervisor() {
    detail::release_from_leak_report(*this);
}

granted_pages hypervisor::share(domid peer, std::size_t count, access mode,
                                const unmap_notify& notify, error_code& ec) {
    ec.clear();
    if (count == 0 || (!notify.empty() && count != 1) ||
        (notify.clear_byte && *notify.clear_byte >= page_size)) {
        ec = make_error_code(boost::system::errc::invalid_argument);
        return {};
    }
    retry_quarantine();
    std::vector<grant_ref> references;
    references.reserve(count);
    const auto region = do_share(peer, count, mode, notify, references, ec);
    if (ec)
        return {};
    accounts_->grant(count);
    detail::name_granted(*this, region.address, peer, references);
    return {shared_from_this(), region, std::move(references), peer, mode};
}

granted_pages hypervisor::share(domid peer, std::size_t count, access mode,
                                const unmap_notify& notify) {
    error_code ec;
    auto pages = share(peer, count, mode, notify, ec);
    if (ec)
        throw_if(ec, "grant " + std::to_string(count) + " page(s) to domain " +
                         std::to_string(peer.value));
    return pages;
}

void hypervisor::copy(std::span<copy_segment> segments) {
    error_code ec;
    copy(segments, ec);
    throw_if(ec, "grant copy");
}

std::unique_ptr<event_channel> hypervisor::open_event_channel() {
    error_code ec;
    auto channel = open_event_channel(ec);
    throw_if(ec, "open an event channel descriptor");
    return channel;
}

std::unique_ptr<store_pipe> hypervisor::open_store() {
    error_code ec;
    auto pipe = open_store(ec);
    throw_if(ec, "connect to the store");
    return pipe;
}

std::size_t hypervisor::retry_quarantine() noexcept {
    std::lock_guard lock{quarantine_->mutex};
    std::erase_if(quarantine_->regions, [this](const page_region& region) {
        const auto result = do_unshare(region);
        if (result == grant_end::busy)
            return false;
        accounts_->quarantined_ -= region.count;
        return true;
    });
    return accounts_->quarantined();
}

page_region hypervisor::checked_map(std::span<const foreign_grant> grants, access mode,
                                    const unmap_notify& notify, error_code& ec) {
    ec.clear();
    const bool bad_notify =
        !notify.empty() &&
        (grants.size() != 1 ||
         (notify.clear_byte && (*notify.clear_byte >= page_size || mode == access::read_only)));
    if (grants.empty() || bad_notify) {
        ec = make_error_code(boost::system::errc::invalid_argument);
        return {};
    }
    const auto region = do_map(grants, mode, notify, ec);
    if (ec)
        return region;
    accounts_->mapped_ += region.count;
    detail::name_mapped(*this, region.address, grants);
    return region;
}

grant_end hypervisor::end_share(const page_region& region) noexcept {
    const auto result = do_unshare(region);
    if (result == grant_end::busy)
        return result;
    accounts_->granted_ -= region.count;
    detail::forget_named(*this, region.address);
    if (result == grant_end::unknown)
        accounts_->unknown_ += region.count;
    return result;
}

void hypervisor::quarantine(const page_region& region) noexcept {
    accounts_->granted_ -= region.count;
    detail::forget_named(*this, region.address);
    accounts_->quarantined_ += region.count;
    try {
        std::lock_guard lock{quarantine_->mutex};
        quarantine_->regions.push_back(region);
    } catch (...) {
        // Out of memory: the region stays counted and is never reused, only never retried either.
    }
}

void hypervisor::unmap(const page_region& region) noexcept {
    error_code ignored; // nothing is left to do for a mapping that cannot be undone
    do_unmap(region, ignored);
    accounts_->mapped_ -= region.count;
    detail::forget_named(*this, region.address);
}

} // namespace xenring
