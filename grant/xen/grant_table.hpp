// Grants, mappings and copies on real Xen: libxengnttab behind the seam's terms.
#pragma once

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/xen/devices.hpp>

#include <memory>
#include <mutex>
#include <string>

struct xengntdev_handle; // libxengnttab's handle, of gntdev and of gntalloc alike

namespace xenring::xen {

/// A handle of libxengnttab that is opened when it is first asked for. A failure is not kept: the
/// next call tries again, so loading a module helps a program that is already running.
class lazy_handle {
public:
    using opener = xengntdev_handle* (*)();
    using closer = void (*)(xengntdev_handle*);

    lazy_handle(std::string directory, device which, opener open, closer close) noexcept;

    /// The handle, or nullptr with `ec` set as check_device() does.
    xengntdev_handle* get(error_code& ec) noexcept;

private:
    std::string directory_;
    device which_;
    opener open_;
    std::mutex mutex_;
    std::unique_ptr<xengntdev_handle, closer> handle_;
};

/// What the members do, which errors they give and what their arguments must be is said in
/// hypervisor.hpp. All mappings must have been undone before the object goes: closing a handle ends
/// no mapping on Linux. Thread safety: all members may be called from any thread.
class grant_table {
public:
    explicit grant_table(const std::string& device_directory);

    page_region share(domid peer, std::size_t count, access mode, const unmap_notify& notify,
                      std::vector<grant_ref>& references, error_code& ec);
    /// Unmaps. gntalloc gives the reference back as soon as no one maps it, and never tells when.
    grant_end unshare(const page_region& region) noexcept;

    page_region map(std::span<const foreign_grant> grants, access mode, const unmap_notify& notify,
                    error_code& ec);
    void unmap(const page_region& region, error_code& ec) noexcept;

    void copy(std::span<copy_segment> segments, error_code& ec) noexcept;

private:
    void* try_map(std::span<const foreign_grant> grants, access mode, const unmap_notify& notify,
                  error_code& ec);
    error_code explain_refusal(std::span<const foreign_grant> grants, access mode,
                               const unmap_notify& notify);

    lazy_handle gntalloc_;
    lazy_handle gntdev_;
};

} // namespace xenring::xen
