// How the stand-in is set up: quotas as Xen and Linux have them, and the freedoms that they take.
#pragma once

#include <xenring/grant/local/store_server.hpp>

#include <cstddef>
#include <functional>

namespace xenring::local {

/// Which half of an unmap notification comes first. Linux since 5.17 clears the byte, unmaps, and
/// raises the event; before, on PVH and HVM, the event came first of all.
enum class unmap_notify_order { byte_first, event_first };

struct machine_options {
    /// Pages that one domain's processes may have granted at a time (gntalloc's `limit`).
    std::size_t grant_pages = 1024;
    /// Entries of one domain's grant table (gnttab_max_frames 64, 512 entries each).
    std::size_t grant_entries = 32768;
    /// Event channel ports of one domain (xl's max_event_channels).
    std::size_t ports = 1023;
    unmap_notify_order order = unmap_notify_order::byte_first;
    /// Called between the two halves of an unmap notification, with the machine locked: it may look
    /// at pages and read events, but ask the hypervisor for nothing.
    std::function<void()> between_notifications = {};
    store_quotas store = {};
};

} // namespace xenring::local
