#include <xenring/grant/xen/grant_table.hpp>
#include <xenring/grant/xen/silent_logger.hpp>

#include <fcntl.h>
#include <sys/mman.h>
extern "C" { // these headers say nothing of C++
#include <xengnttab.h>
}

#include <cerrno>
#include <climits>

namespace xenring::xen {
namespace {

xengntdev_handle* open_gntalloc() {
    auto* handle = xengntshr_open(silent_logger(), 0);
    // The library opens gntdev and evtchn close-on-exec, but not gntalloc: without this a program
    // that we exec would keep our granted pages alive.
    if (handle)
        ::fcntl(xengntshr_fd(handle), F_SETFD, FD_CLOEXEC);
    return handle;
}

xengntdev_handle* open_gntdev() {
    return xengnttab_open(silent_logger(), 0);
}

std::uint32_t offset_or_none(const unmap_notify& notify) noexcept {
    return notify.clear_byte ? *notify.clear_byte : UINT32_MAX;
}

std::uint32_t port_or_none(const unmap_notify& notify) noexcept {
    return notify.notify ? notify.notify->value : UINT32_MAX;
}

int protection(access mode) noexcept {
    return mode == access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
}

/// Keeps the pages out of children: a forked child would hold them, and put off the unmap
/// notification, until it ends or execs.
void keep_from_children(void* address, std::size_t count) noexcept {
    ::madvise(address, count * page_size, MADV_DONTFORK);
}

error_code share_error(int number, const unmap_notify& notify) noexcept {
    if (number == ENOSPC)
        return make_error_code(errc::grant_limit);
    if (number == EINVAL && !notify.empty())
        return make_error_code(errc::unmap_notify_refused);
    return errno_code(number);
}

} // namespace

lazy_handle::lazy_handle(std::string directory, device which, opener open, closer close) noexcept
    : directory_{std::move(directory)}, which_{which}, open_{open}, handle_{nullptr, close} {}

xengntdev_handle* lazy_handle::get(error_code& ec) noexcept {
    std::lock_guard lock{mutex_};
    if (!handle_) {
        // The library loses errno on its way out, so ask the node itself first.
        ec = check_device(directory_, which_);
        if (ec)
            return nullptr;
        handle_.reset(open_());
        if (!handle_)
            ec = device_error(which_, errno);
    }
    return handle_.get();
}

grant_table::grant_table(const std::string& device_directory)
    : gntalloc_{device_directory, device::gntalloc, open_gntalloc,
                [](xengntdev_handle* handle) { xengntshr_close(handle); }},
      gntdev_{device_directory, device::gntdev, open_gntdev,
              [](xengntdev_handle* handle) { xengnttab_close(handle); }} {}

page_region grant_table::share(domid peer, std::size_t count, access mode,
                               const unmap_notify& notify, std::vector<grant_ref>& references,
                               error_code& ec) {
    auto* handle = gntalloc_.get(ec);
    if (ec)
        return {};
    if (count > INT_MAX) {
        ec = make_error_code(errc::grant_limit);
        return {};
    }
    std::vector<std::uint32_t> numbers(count);
    references.reserve(references.size() + count);
    const bool writable = mode == access::read_write;
    void* address = notify.empty()
                        ? xengntshr_share_pages(handle, peer.value, static_cast<int>(count),
                                                numbers.data(), writable)
                        : xengntshr_share_page_notify(handle, peer.value, numbers.data(), writable,
                                                      offset_or_none(notify), port_or_none(notify));
    if (!address) {
        ec = share_error(errno, notify);
        return {};
    }
    keep_from_children(address, count);
    for (const auto number : numbers)
        references.emplace_back(number);
    return {static_cast<std::byte*>(address), count, 0};
}

grant_end grant_table::unshare(const page_region& region) noexcept {
    error_code ignored; // the handle is open: the region came from it
    xengntshr_unshare(gntalloc_.get(ignored), region.address,
                      static_cast<std::uint32_t>(region.count));
    return grant_end::unknown;
}

void* grant_table::try_map(std::span<const foreign_grant> grants, access mode,
                           const unmap_notify& notify, error_code& ec) {
    auto* handle = gntdev_.get(ec);
    if (ec)
        return nullptr;
    void* address = nullptr;
    if (notify.empty()) {
        std::vector<std::uint32_t> owners;
        std::vector<std::uint32_t> references;
        owners.reserve(grants.size());
        references.reserve(grants.size());
        for (const auto& grant : grants) {
            owners.push_back(grant.owner.value);
            references.push_back(grant.reference.value);
        }
        address = xengnttab_map_grant_refs(handle, static_cast<std::uint32_t>(grants.size()),
                                           owners.data(), references.data(), protection(mode));
    } else {
        address = xengnttab_map_grant_ref_notify(handle, grants[0].owner.value,
                                                 grants[0].reference.value, protection(mode),
                                                 offset_or_none(notify), port_or_none(notify));
    }
    if (!address)
        ec = errno_code(errno);
    return address;
}

page_region grant_table::map(std::span<const foreign_grant> grants, access mode,
                             const unmap_notify& notify, error_code& ec) {
    void* address = try_map(grants, mode, notify, ec);
    if (ec) {
        if (ec == boost::system::errc::invalid_argument)
            ec = explain_refusal(grants, mode, notify);
        return {};
    }
    // PV guests' gntdev does this by itself, PVH and HVM guests' does not.
    keep_from_children(address, grants.size());
    return {static_cast<std::byte*>(address), grants.size(), 0};
}

// gntdev says EINVAL for any bad reference and loses the hypervisor's verdict. A copy of one byte
// gets the verdict; where reading is allowed, what was refused is the notification or the writing.
error_code grant_table::explain_refusal(std::span<const foreign_grant> grants, access mode,
                                        const unmap_notify& notify) {
    error_code ignored;
    std::byte probe{};
    for (const auto& grant : grants) {
        copy_segment segment{granted_memory{grant.owner, grant.reference, 0}, &probe, 1,
                             grant_status::okay};
        copy({&segment, 1}, ignored);
        if (!ignored && segment.status != grant_status::okay)
            return make_error_code(segment.status);
        ignored.clear();
    }
    const auto can_map = [&](access attempted) {
        error_code ec;
        void* address = try_map(grants, attempted, {}, ec);
        if (address)
            unmap({static_cast<std::byte*>(address), grants.size(), 0}, ec);
        return address != nullptr;
    };
    if (!notify.empty() && can_map(mode))
        return make_error_code(errc::unmap_notify_refused);
    if (mode == access::read_write && can_map(access::read_only))
        return make_error_code(grant_status::permission_denied);
    return errno_code(EINVAL);
}

void grant_table::unmap(const page_region& region, error_code& ec) noexcept {
    auto* handle = gntdev_.get(ec);
    if (!ec &&
        xengnttab_unmap(handle, region.address, static_cast<std::uint32_t>(region.count)) != 0)
        ec = errno_code(errno);
}

} // namespace xenring::xen
