#include "xen_fake.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
extern "C" { // these headers say nothing of C++
#include <xenevtchn.h>
#include <xengnttab.h>
}

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

struct xengntdev_handle {
    int descriptor;
};
struct xenevtchn_handle {
    int descriptor;
};

namespace xenring::tests {

xen_libraries& fake_xen() {
    static xen_libraries instance;
    return instance;
}

void reset_fake_xen() {
    fake_xen() = {};
}

device_directory::device_directory() : path_{"/tmp/xenring-devices-XXXXXX"} {
    if (!::mkdtemp(path_.data()))
        throw std::runtime_error{"mkdtemp"};
    for (const auto* name : {"evtchn", "gntdev", "gntalloc"})
        std::ofstream{node(name)};
}

device_directory::~device_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

namespace {

void* pages(std::size_t count, int protection) {
    void* address = ::mmap(nullptr, count * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? nullptr : address;
}

void* share(std::size_t count, std::uint32_t* refs, bool writable) {
    auto& xen = fake_xen();
    if (xen.share_error) {
        errno = xen.share_error;
        return nullptr;
    }
    for (std::size_t i = 0; i < count; ++i) {
        refs[i] = static_cast<std::uint32_t>(100 + xen.grants.size());
        xen.grants[refs[i]] = writable;
    }
    xen.shared_pages += count;
    return pages(count, PROT_READ | PROT_WRITE);
}

void* map(std::size_t count, const std::uint32_t* refs, int protection) {
    auto& xen = fake_xen();
    for (std::size_t i = 0; i < count; ++i) {
        const auto found = xen.grants.find(refs[i]);
        if (found == xen.grants.end() || ((protection & PROT_WRITE) && !found->second)) {
            errno = EINVAL; // gntdev's one answer to every bad reference
            return nullptr;
        }
    }
    xen.mapped_pages += count;
    return pages(count, protection);
}

} // namespace
} // namespace xenring::tests

using xenring::tests::fake_xen;

xengntshr_handle* xengntshr_open(xentoollog_logger*, unsigned) {
    const int descriptor = ::memfd_create("gntalloc", 0); // not close-on-exec, as in the library
    fake_xen().gntalloc_descriptor = descriptor;
    return new xengntdev_handle{descriptor};
}
int xengntshr_close(xengntshr_handle* handle) {
    ::close(handle->descriptor);
    delete handle;
    return 0;
}
int xengntshr_fd(xengntshr_handle* handle) {
    return handle->descriptor;
}
void* xengntshr_share_pages(xengntshr_handle*, uint32_t, int count, uint32_t* refs, int writable) {
    return xenring::tests::share(static_cast<std::size_t>(count), refs, writable != 0);
}
void* xengntshr_share_page_notify(xengntshr_handle*, uint32_t, uint32_t* ref, int writable,
                                  uint32_t offset, evtchn_port_t) {
    if (fake_xen().refuse_notify) {
        errno = EINVAL;
        return nullptr;
    }
    void* address = xenring::tests::share(1, ref, writable != 0);
    if (address)
        fake_xen().notify_offsets[*ref] = static_cast<int>(offset);
    return address;
}
int xengntshr_unshare(xengntshr_handle*, void* address, uint32_t count) {
    fake_xen().shared_pages -= count;
    return ::munmap(address, count * 4096UL);
}

xengnttab_handle* xengnttab_open(xentoollog_logger*, unsigned) {
    return new xengntdev_handle{::memfd_create("gntdev", MFD_CLOEXEC)};
}
int xengnttab_close(xengnttab_handle* handle) {
    return xengntshr_close(handle);
}
void* xengnttab_map_grant_refs(xengnttab_handle*, uint32_t count, uint32_t*, uint32_t* refs,
                               int protection) {
    return xenring::tests::map(count, refs, protection);
}
void* xengnttab_map_grant_ref_notify(xengnttab_handle*, uint32_t, uint32_t ref, int protection,
                                     uint32_t offset, evtchn_port_t) {
    if (fake_xen().refuse_notify) {
        errno = EINVAL;
        return nullptr;
    }
    fake_xen().notify_offsets[ref] = static_cast<int>(offset);
    return xenring::tests::map(1, &ref, protection);
}
int xengnttab_unmap(xengnttab_handle*, void* address, uint32_t count) {
    fake_xen().mapped_pages -= count;
    return ::munmap(address, count * 4096UL);
}
int xengnttab_grant_copy(xengnttab_handle*, uint32_t count,
                         xengnttab_grant_copy_segment_t* segments) {
    auto& xen = fake_xen();
    xen.copy_calls.push_back(count);
    for (uint32_t i = 0; i < count; ++i) {
        if (xen.copy_error && i == count / 2) {
            errno = xen.copy_error;
            return -1;
        }
        auto& segment = segments[i];
        const bool source = segment.flags & GNTCOPY_source_gref;
        const auto ref = source ? segment.source.foreign.ref : segment.dest.foreign.ref;
        const auto found = xen.grants.find(ref);
        if (found == xen.grants.end())
            segment.status = GNTST_bad_gntref;
        else if ((segment.flags & GNTCOPY_dest_gref) && !found->second)
            segment.status = GNTST_permission_denied;
        else
            segment.status = GNTST_okay;
    }
    return 0;
}

xenevtchn_handle* xenevtchn_open(xentoollog_logger*, unsigned) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return nullptr;
    fake_xen().event_descriptor = ends[0];
    fake_xen().event_descriptor_peer = ends[1];
    return new xenevtchn_handle{ends[0]};
}
int xenevtchn_close(xenevtchn_handle* handle) {
    ::close(handle->descriptor);
    ::close(fake_xen().event_descriptor_peer);
    delete handle;
    return 0;
}
int xenevtchn_fd(xenevtchn_handle* handle) {
    return handle->descriptor;
}
int xenevtchn_notify(xenevtchn_handle*, evtchn_port_t port) {
    errno = ENOTCONN;
    return port == 7 ? 0 : -1; // 7 is the one port that is bound
}
xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle*, uint32_t) {
    return 7;
}
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle*, uint32_t domid,
                                                     evtchn_port_t) {
    errno = domid == 404 ? ESRCH : EINVAL;
    return -1;
}
int xenevtchn_unbind(xenevtchn_handle*, evtchn_port_t) {
    return 0;
}
int xenevtchn_unmask(xenevtchn_handle*, evtchn_port_t port) {
    fake_xen().unmasked.push_back(port);
    return 0;
}
