// The granting half of libxengnttab's interface (xengnttab.h, xengntshr_*) on the stand-in.
#include "session.hpp"

#include <cerrno>
#include <map>
#include <mutex>

extern "C" { // the header has no guard for C++ of its own
#include <xengnttab.h>
}

using namespace xenring;
using compat::fail;

// xengnttab.h declares both kinds of handle as struct xengntdev_handle; ours share the name only
// through this cast, since a caller never looks inside.
namespace {

struct share_handle {
    std::shared_ptr<hypervisor> machine;
    std::mutex mutex;
    std::map<void*, granted_pages> regions;
};

share_handle* ours(xengntshr_handle* handle) noexcept {
    return reinterpret_cast<share_handle*>(handle);
}

unmap_notify notify_at(uint32_t offset, evtchn_port_t number) noexcept {
    unmap_notify out;
    if (offset < page_size)
        out.clear_byte = static_cast<std::uint16_t>(offset);
    if (number != static_cast<evtchn_port_t>(-1))
        out.notify = port{number};
    return out;
}

void* share(share_handle& handle, uint32_t domain, std::size_t count, uint32_t* references,
            bool writable, const unmap_notify& notify) {
    error_code ec;
    auto pages = handle.machine->share(
        domid{static_cast<std::uint16_t>(domain)}, count,
        writable ? xenring::access::read_write : xenring::access::read_only, notify, ec);
    if (ec) {
        fail(ec);
        return nullptr;
    }
    for (const auto reference : pages.references())
        *references++ = reference.value;
    void* address = pages.bytes().data();
    std::lock_guard lock{handle.mutex};
    handle.regions.emplace(address, std::move(pages));
    return address;
}

} // namespace

extern "C" {

xengntshr_handle* xengntshr_open(xentoollog_logger*, unsigned) {
    return compat::guarded(static_cast<xengntshr_handle*>(nullptr), [] {
        auto machine = compat::join();
        if (!machine)
            return static_cast<xengntshr_handle*>(nullptr);
        auto* handle = new share_handle{std::move(machine), {}, {}};
        return reinterpret_cast<xengntshr_handle*>(handle);
    });
}

int xengntshr_close(xengntshr_handle* xgs) {
    delete ours(xgs);
    return 0;
}

int xengntshr_fd(xengntshr_handle*) {
    return compat::unserved("xengntshr_fd");
}

void* xengntshr_share_pages(xengntshr_handle* xgs, uint32_t domain, int count, uint32_t* refs,
                            int writable) {
    return compat::guarded(static_cast<void*>(nullptr), [&] {
        return share(*ours(xgs), domain, static_cast<std::size_t>(count), refs, writable != 0, {});
    });
}

void* xengntshr_share_page_notify(xengntshr_handle* xgs, uint32_t domain, uint32_t* ref,
                                  int writable, uint32_t notify_offset, evtchn_port_t notify_port) {
    return compat::guarded(static_cast<void*>(nullptr), [&] {
        return share(*ours(xgs), domain, 1, ref, writable != 0,
                     notify_at(notify_offset, notify_port));
    });
}

int xengntshr_unshare(xengntshr_handle* xgs, void* start, uint32_t count) {
    auto& handle = *ours(xgs);
    std::lock_guard lock{handle.mutex};
    const auto found = handle.regions.find(start);
    if (found == handle.regions.end() || found->second.page_count() != count)
        return fail(make_error_code(boost::system::errc::invalid_argument));
    handle.regions.erase(found);
    return 0;
}

} // extern "C"
