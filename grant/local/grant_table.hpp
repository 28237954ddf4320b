// The stand-in's grant tables: who granted which page to whom, and who maps it.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/local/event_channels.hpp>
#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/options.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace xenring::local {

/// A process of some domain; never used twice.
using process_id = std::uint64_t;

/// All domains' grants and mappings. A region is the pages of one share call: one piece of memory,
/// one peer, one mode. Not thread-safe: the machine locks.
class grant_table {
public:
    grant_table(event_channels& events, const machine_options& options)
        : events_{events}, options_{options} {}

    void add_domain(domid domain) { domains_.try_emplace(domain); }

    shared_region share(process_id holder, domid owner, domid peer, std::uint32_t count,
                        access mode, const unmap_notify& notify, error_code& ec);

    /// The holder unmapped its own pages: the notification fires, and the grants end if nobody maps
    /// them. While busy they can be mapped again, as Linux's are (gnttab_end_foreign_access_ref
    /// leaves an entry in use as it is).
    grant_end unshare(process_id holder, region_id region, error_code& ec);

    mapped_region map(process_id holder, domid domain, std::span<const foreign_grant> grants,
                      access mode, const unmap_notify& notify, error_code& ec);
    void unmap(process_id holder, map_id map, error_code& ec);

    file_descriptor memory(domid who, region_id region, access mode, error_code& ec) const;
    copy_answer check_copy(domid who, const copy_side& side) const;

    /// What the kernel does when a process ends: its mappings go, then its own pages, each with its
    /// notification. Grants that are still mapped elsewhere end when they no longer are.
    void end_process(process_id process);

    /// What Xen does when a domain ends: nothing is notified; what it mapped is released, what it
    /// granted can no longer be mapped and lives on under the maps that are there.
    void remove_domain(domid domain);

    struct counts {
        std::size_t granted = 0;  ///< pages that processes hold
        std::size_t deferred = 0; ///< pages whose process ended while they were mapped
        std::size_t mapped = 0;
    };
    counts count(domid domain) const;

private:
    struct region {
        domid owner;
        domid peer;
        access mode = access::read_only;
        process_id holder = 0;   ///< 0: it gave them up
        bool owner_lives = true; ///< else `owner` may be another domain by now
        std::vector<grant_ref> references;
        file_descriptor pages;
        std::size_t maps = 0; ///< how many mapped pages are of this region
        unmap_notify notify;
    };
    struct map_record {
        process_id holder = 0;
        domid domain;
        std::vector<page_source> pages;
        unmap_notify notify;
    };
    struct domain_table {
        std::uint32_t next = 8; ///< Linux and Xen reserve the first 8 (GNTTAB_NR_RESERVED_ENTRIES)
        std::deque<grant_ref> free;
        std::size_t held = 0; ///< pages that count against gntalloc's limit
        std::map<grant_ref, page_source> entries;
    };

    std::vector<grant_ref> take_references(domain_table& table, std::size_t count, error_code& ec);
    grant_status find(domid who, const foreign_grant& grant, access mode, page_source& at) const;
    bool beyond_table(const foreign_grant& grant) const;
    bool arm(domid domain, unmap_notify& notify, error_code& ec);
    template <class Release>
    void fire(domid domain, const page_source& at, unmap_notify& notify, Release release);
    void clear_byte(const page_source& at, const unmap_notify& notify) const;
    void give_up(region_id id);
    void erase(region_id id);
    void release_pages(const std::vector<page_source>& pages);

    event_channels& events_;
    const machine_options& options_;
    std::map<domid, domain_table> domains_;
    std::map<region_id, region> regions_;
    std::map<map_id, map_record> maps_;
    std::uint64_t next_id_ = 1;
};

} // namespace xenring::local
