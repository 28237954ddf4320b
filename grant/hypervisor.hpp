// The seam: everything that a domain asks of its hypervisor. Real Xen (grant/xen/) and the stand-in
// (grant/local/) implement it; nothing above grant/ knows which of them it runs on.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/event_channel.hpp>
#include <xenring/grant/store_pipe.hpp>
#include <xenring/grant/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace xenring {

class granted_pages;
class ledger;
template <access Mode>
class mapped_pages;

/// What the hypervisor does by itself when one page is unmapped by its holder, also when the
/// holder's process dies: clear a byte, raise an event, or both. Byte and event come in no promised
/// order: Linux before 5.17 raised the event first on PVH and HVM, so look at the byte again later.
/// Does not happen when a whole domain dies.
struct unmap_notify {
    /// Offset (0..4095) of the byte in the page that is set to 0.
    std::optional<std::uint16_t> clear_byte;
    /// A port of the holder, bound at the time of the call, through which the peer is notified. The
    /// hypervisor keeps its own hold on it: it still works after the event channel was closed.
    std::optional<port> notify;

    bool empty() const noexcept { return !clear_byte && !notify; }
};

/// What is known after a grant was asked to end. Xen cannot take a page away from a peer that maps
/// it (XSA-396), so an end is a request.
enum class grant_end : std::uint8_t {
    ended,   ///< nobody maps it any more, and nobody can
    busy,    ///< the peer still maps it; ask again later
    unknown, ///< asked, but this hypervisor never tells (Linux gntalloc)
};

/// One granted page of a named domain.
struct foreign_grant {
    domid owner;
    grant_ref reference;
};

/// Memory in a granted page. offset + length must not pass the page's end.
struct granted_memory {
    domid owner;
    grant_ref reference;
    std::uint16_t offset = 0;
};

/// One segment of a grant copy. At least one side must be granted memory. Local memory may cross
/// pages. status is written by hypervisor::copy() for every segment.
struct copy_segment {
    std::variant<const std::byte*, granted_memory> source;
    std::variant<std::byte*, granted_memory> destination;
    std::uint16_t length = 0;
    grant_status status = grant_status::general_error;
};

/// Pages as an implementation hands them over; owned by granted_pages or mapped_pages.
struct page_region {
    std::byte* address = nullptr;
    std::size_t count = 0;
    /// The implementation's own name for the region.
    std::uint64_t handle = 0;
};

/// What one domain may ask of its hypervisor. Held by shared_ptr; everything obtained from it keeps
/// it alive. Thread safety: all members may be called from any thread. Calls may block (a grant map
/// retries while the peer's page is paged out), so keep them off threads that move data.
class hypervisor : public std::enable_shared_from_this<hypervisor> {
public:
    hypervisor(const hypervisor&) = delete;
    hypervisor& operator=(const hypervisor&) = delete;
    virtual ~hypervisor();

    /// "xen" or "local".
    virtual std::string_view kind() const noexcept = 0;
    /// One line for people: which hypervisor, where, and why it was chosen.
    virtual std::string description() const = 0;
    /// The own domid, as the hypervisor knows it.
    virtual domid self() const noexcept = 0;
    /// Whether that domain runs on the CPUs of this one: then spinning on a single CPU keeps the
    /// peer from what is waited for.
    virtual bool shares_cpus_with(domid peer) const noexcept { return peer == self(); }

    /// Grants `count` fresh zeroed pages, contiguous here, to `peer`. notify needs count == 1.
    /// Errors: errc::grant_limit (gntalloc's limit, 1024 pages a kernel by default, or the grant
    /// table), errc::unmap_notify_refused (the port is not bound), errno. The peer need not exist,
    /// and may be the own domain. A hostile peer can write into pages granted read_write at any
    /// time, and can keep them mapped for ever.
    granted_pages share(domid peer, std::size_t count, access mode, const unmap_notify& notify,
                        error_code& ec);
    granted_pages share(domid peer, std::size_t count, access mode,
                        const unmap_notify& notify = {});

    /// Maps pages that other domains granted, contiguous and in the order given; all or nothing.
    /// notify needs one grant and, for clear_byte, access::read_write. Errors: bad_domain;
    /// bad_grant_reference (beyond the owner's table); permission_denied (writable, but granted
    /// read_only); another grant_status (Xen says general_error) for a grant that was made for
    /// another domain, has ended, or never was; errc::unmap_notify_refused (the port is not bound);
    /// errno. A hostile owner can change the bytes at any time but cannot make the mapping fault.
    template <access Mode>
    mapped_pages<Mode> map(std::span<const foreign_grant> grants, const unmap_notify& notify,
                           error_code& ec);
    template <access Mode>
    mapped_pages<Mode> map(std::span<const foreign_grant> grants, const unmap_notify& notify = {});

    /// Copies all segments, in one batch. Each says in status how it fared; one bad segment does
    /// not stop the others. ec is set only if the batch could not be tried: EINVAL if a segment has
    /// two local sides, EFAULT if local memory is not there. Some segments may have been copied
    /// then.
    virtual void copy(std::span<copy_segment> segments, error_code& ec) noexcept = 0;
    void copy(std::span<copy_segment> segments);

    /// Opens an event channel descriptor of its own.
    virtual std::unique_ptr<event_channel> open_event_channel(error_code& ec) = 0;
    std::unique_ptr<event_channel> open_event_channel();

    /// Opens a connection of its own to the store, as this domain.
    virtual std::unique_ptr<store_pipe> open_store(error_code& ec) = 0;
    std::unique_ptr<store_pipe> open_store();

    /// Pages granted, mapped, quarantined; see ledger.
    const ledger& accounts() const noexcept { return *accounts_; }

    /// Asks again for the end of quarantined grants; returns how many pages are still there. Also
    /// done before each share().
    std::size_t retry_quarantine() noexcept;

protected:
    hypervisor();

    /// Grants pages and appends one reference a page to `references`.
    virtual page_region do_share(domid peer, std::size_t count, access mode,
                                 const unmap_notify& notify, std::vector<grant_ref>& references,
                                 error_code& ec) = 0;
    /// Asks for the end of a grant. After ended or unknown the region's address is invalid and
    /// `region` is never passed again; after busy it stays valid and may be passed again.
    virtual grant_end do_unshare(const page_region& region) noexcept = 0;
    virtual page_region do_map(std::span<const foreign_grant> grants, access mode,
                               const unmap_notify& notify, error_code& ec) = 0;
    virtual void do_unmap(const page_region& region, error_code& ec) noexcept = 0;

private:
    friend class granted_pages;
    template <access>
    friend class mapped_pages;

    page_region checked_map(std::span<const foreign_grant> grants, access mode,
                            const unmap_notify& notify, error_code& ec);
    grant_end end_share(const page_region& region) noexcept;
    void quarantine(const page_region& region) noexcept;
    void unmap(const page_region& region) noexcept;

    std::unique_ptr<ledger> accounts_;
    struct quarantined_regions;
    std::unique_ptr<quarantined_regions> quarantine_;
};

/// Opens the hypervisor that `specification` names.
///
///     xen                       real Xen through /dev/xen
///     local[:DIRECTORY]         the stand-in whose process runs in DIRECTORY
///     local:DIRECTORY?domid=N   ... as domain N (0 if not said)
///     local:DIRECTORY?fail=LIST ... where calls fail that LIST names, for tests: CALL:NTH, or
///                               CALL:NTH:ERRNO, with commas in between. CALL is share, unshare,
///                               map, unmap, copy, open_event_channel, bind_unbound,
///                               bind_interdomain, unbind, notify, unmask, read_pending or
///                               open_store; the NTH of that kind that this program makes, counted
///                               from 1, fails. "fail=share:3,map:1:EPERM". Goes with domid=, with
///                               & in between.
///     (empty)                   $XENRING_HYPERVISOR if set; else xen where /dev/xen is there,
///                               else local
///
/// DIRECTORY defaults to $XENRING_RUNDIR, then to /run/xenring. Where domid= is not said,
/// $XENRING_DOMID is asked. Errors: errc::no_hypervisor, errc::bad_specification,
/// errc::device_missing, errc::device_permission, errc::timed_out for a stand-in that does not
/// answer, errc::socket_path_too_long; the throwing overload's what() names the node
/// and what to do.
std::shared_ptr<hypervisor> open_hypervisor(std::string_view specification, error_code& ec);
std::shared_ptr<hypervisor> open_hypervisor(std::string_view specification = {});

} // namespace xenring

#include <xenring/grant/pages.hpp>
