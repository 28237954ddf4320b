// The mapping and copying half of libxengnttab's interface (xengnttab.h) on the stand-in.
#include "session.hpp"

#include <sys/mman.h>

#include <map>
#include <mutex>
#include <variant>
#include <vector>

extern "C" { // the header has no guard for C++ of its own
#include <xengnttab.h>
}

using namespace xenring;
using compat::fail;
using compat::unserved;

namespace {

using mapping = std::variant<mapped_pages<xenring::access::read_only>,
                             mapped_pages<xenring::access::read_write>>;

struct map_handle {
    std::shared_ptr<hypervisor> machine;
    std::mutex mutex;
    std::map<const void*, mapping> regions;
};

map_handle* ours(xengnttab_handle* handle) noexcept {
    return reinterpret_cast<map_handle*>(handle);
}

std::size_t page_count(const mapping& of) {
    return std::visit([](const auto& pages) { return pages.page_count(); }, of);
}

template <xenring::access Mode>
void* map_as(map_handle& handle, std::span<const foreign_grant> grants,
             const unmap_notify& notify) {
    error_code ec;
    auto pages = handle.machine->map<Mode>(grants, notify, ec);
    if (ec) {
        fail(ec);
        return nullptr;
    }
    const void* address = pages.bytes().data();
    std::lock_guard lock{handle.mutex};
    handle.regions.emplace(address, std::move(pages));
    return const_cast<void*>(address);
}

void* map(xengnttab_handle* xgt, std::span<const foreign_grant> grants, int protection,
          const unmap_notify& notify = {}) {
    return (protection & PROT_WRITE) != 0
               ? map_as<xenring::access::read_write>(*ours(xgt), grants, notify)
               : map_as<xenring::access::read_only>(*ours(xgt), grants, notify);
}

foreign_grant grant(uint32_t domain, uint32_t reference) noexcept {
    return {domid{static_cast<std::uint16_t>(domain)}, grant_ref{reference}};
}

copy_segment translate(const xengnttab_grant_copy_segment_t& from) noexcept {
    const auto granted = [](const auto& side) {
        return granted_memory{domid{side.foreign.domid}, grant_ref{side.foreign.ref},
                              side.foreign.offset};
    };
    copy_segment to;
    if ((from.flags & GNTCOPY_source_gref) != 0)
        to.source = granted(from.source);
    else
        to.source = static_cast<const std::byte*>(from.source.virt);
    if ((from.flags & GNTCOPY_dest_gref) != 0)
        to.destination = granted(from.dest);
    else
        to.destination = static_cast<std::byte*>(from.dest.virt);
    to.length = from.len;
    return to;
}

} // namespace

extern "C" {

xengnttab_handle* xengnttab_open(xentoollog_logger*, unsigned) {
    return compat::guarded(static_cast<xengnttab_handle*>(nullptr), [] {
        auto machine = compat::join();
        if (!machine)
            return static_cast<xengnttab_handle*>(nullptr);
        auto* handle = new map_handle{std::move(machine), {}, {}};
        return reinterpret_cast<xengnttab_handle*>(handle);
    });
}

int xengnttab_close(xengnttab_handle* xgt) {
    delete ours(xgt);
    return 0;
}

int xengnttab_fd(xengnttab_handle*) {
    return unserved("xengnttab_fd");
}

void* xengnttab_map_grant_ref(xengnttab_handle* xgt, uint32_t domain, uint32_t ref, int prot) {
    return compat::guarded(static_cast<void*>(nullptr), [&] {
        const auto one = grant(domain, ref);
        return map(xgt, {&one, 1}, prot);
    });
}

void* xengnttab_map_grant_refs(xengnttab_handle* xgt, uint32_t count, uint32_t* domids,
                               uint32_t* refs, int prot) {
    return compat::guarded(static_cast<void*>(nullptr), [&] {
        std::vector<foreign_grant> grants;
        for (uint32_t i = 0; i < count; ++i)
            grants.push_back(grant(domids[i], refs[i]));
        return map(xgt, grants, prot);
    });
}

void* xengnttab_map_domain_grant_refs(xengnttab_handle* xgt, uint32_t count, uint32_t domain,
                                      uint32_t* refs, int prot) {
    return compat::guarded(static_cast<void*>(nullptr), [&] {
        std::vector<foreign_grant> grants;
        for (uint32_t i = 0; i < count; ++i)
            grants.push_back(grant(domain, refs[i]));
        return map(xgt, grants, prot);
    });
}

void* xengnttab_map_grant_ref_notify(xengnttab_handle* xgt, uint32_t domain, uint32_t ref, int prot,
                                     uint32_t notify_offset, evtchn_port_t notify_port) {
    return compat::guarded(static_cast<void*>(nullptr), [&] {
        unmap_notify notify;
        if (notify_offset < page_size)
            notify.clear_byte = static_cast<std::uint16_t>(notify_offset);
        if (notify_port != static_cast<evtchn_port_t>(-1))
            notify.notify = port{notify_port};
        const auto one = grant(domain, ref);
        return map(xgt, {&one, 1}, prot, notify);
    });
}

int xengnttab_unmap(xengnttab_handle* xgt, void* start, uint32_t count) {
    auto& handle = *ours(xgt);
    std::lock_guard lock{handle.mutex};
    const auto found = handle.regions.find(start);
    if (found == handle.regions.end() || page_count(found->second) != count)
        return fail(make_error_code(boost::system::errc::invalid_argument));
    handle.regions.erase(found);
    return 0;
}

/// A no-op that succeeds, as with every current Linux kernel.
int xengnttab_set_max_grants(xengnttab_handle*, uint32_t) {
    return 0;
}

int xengnttab_grant_copy(xengnttab_handle* xgt, uint32_t count,
                         xengnttab_grant_copy_segment_t* segs) {
    return compat::guarded(-1, [&] {
        std::vector<copy_segment> segments;
        for (uint32_t i = 0; i < count; ++i)
            segments.push_back(translate(segs[i]));
        error_code ec;
        ours(xgt)->machine->copy(segments, ec);
        if (ec)
            return fail(ec);
        for (uint32_t i = 0; i < count; ++i)
            segs[i].status = static_cast<std::int16_t>(segments[i].status);
        return 0;
    });
}

int xengnttab_dmabuf_exp_from_refs(xengnttab_handle*, uint32_t, uint32_t, uint32_t, const uint32_t*,
                                   uint32_t*) {
    return unserved("xengnttab_dmabuf_exp_from_refs");
}

int xengnttab_dmabuf_exp_wait_released(xengnttab_handle*, uint32_t, uint32_t) {
    return unserved("xengnttab_dmabuf_exp_wait_released");
}

int xengnttab_dmabuf_imp_to_refs(xengnttab_handle*, uint32_t, uint32_t, uint32_t, uint32_t*) {
    return unserved("xengnttab_dmabuf_imp_to_refs");
}

int xengnttab_dmabuf_imp_release(xengnttab_handle*, uint32_t) {
    return unserved("xengnttab_dmabuf_imp_release");
}

} // extern "C"
