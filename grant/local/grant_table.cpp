#include <xenring/grant/local/grant_table.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace xenring::local {

/// References that were never used come first, then those that ended longest ago: a peer that kept
/// an old reference hits nothing, rather than somebody else's page.
std::vector<grant_ref> grant_table::take_references(domain_table& table, std::size_t count,
                                                    error_code& ec) {
    const auto fresh =
        options_.grant_entries - std::min<std::size_t>(table.next, options_.grant_entries);
    if (table.held + count > options_.grant_pages || fresh + table.free.size() < count) {
        ec = errc::grant_limit;
        return {};
    }
    std::vector<grant_ref> taken;
    while (taken.size() < count) {
        if (table.next < options_.grant_entries) {
            taken.push_back(grant_ref{table.next++});
        } else {
            taken.push_back(table.free.front());
            table.free.pop_front();
        }
    }
    return taken;
}

/// Takes hold of the port; the kernel wants it bound by now.
bool grant_table::arm(domid domain, unmap_notify& notify, error_code& ec) {
    if (!notify.notify || events_.hold(domain, *notify.notify))
        return true;
    ec = errc::unmap_notify_refused;
    return false;
}

shared_region grant_table::share(process_id holder, domid owner, domid peer, std::uint32_t count,
                                 access mode, const unmap_notify& notify, error_code& ec) {
    if (count == 0 || peer.value >= first_reserved_domid) {
        ec = errno_code(EINVAL);
        return {};
    }
    if (count > options_.grant_pages) { // before any memory is asked for
        ec = errc::grant_limit;
        return {};
    }
    auto& table = domains_[owner];
    region fresh{owner, peer, mode, holder, true, {}, make_memory(count, ec), 0, notify};
    if (ec || !arm(owner, fresh.notify, ec))
        return {};
    fresh.references = take_references(table, count, ec);
    if (ec) {
        if (notify.notify)
            events_.release(owner, *notify.notify);
        return {};
    }
    const region_id id = next_id_++;
    for (std::uint32_t page = 0; page < count; ++page)
        table.entries[fresh.references[page]] = {id, page};
    table.held += count;
    shared_region result{id, fresh.references};
    regions_.emplace(id, std::move(fresh));
    return result;
}

void grant_table::clear_byte(const page_source& at, const unmap_notify& notify) const {
    const auto found = regions_.find(at.region);
    if (!notify.clear_byte || found == regions_.end())
        return;
    const char zero = 0;
    const auto offset = static_cast<off_t>(at.page * page_size + *notify.clear_byte);
    (void)!::pwrite(found->second.pages.get(), &zero, 1, offset);
}

/// Carries out a notification, once, and lets the pages go at the right moment in between.
template <class Release>
void grant_table::fire(domid domain, const page_source& at, unmap_notify& notify, Release release) {
    const auto due = std::exchange(notify, {});
    const auto between = [this, &due] {
        if (!due.empty() && options_.between_notifications)
            options_.between_notifications();
    };
    if (options_.order == unmap_notify_order::byte_first) {
        clear_byte(at, due);
        between();
        release();
    }
    if (due.notify) {
        events_.notify(domain, *due.notify);
        events_.release(domain, *due.notify);
    }
    if (options_.order == unmap_notify_order::event_first) {
        between();
        clear_byte(at, due);
        release();
    }
}

grant_end grant_table::unshare(process_id holder, region_id id, error_code& ec) {
    const auto found = regions_.find(id);
    if (found == regions_.end() || found->second.holder != holder) {
        ec = errno_code(EINVAL);
        return grant_end::unknown;
    }
    auto& what = found->second;
    fire(what.owner, {id, 0}, what.notify, [] {});
    if (what.maps > 0)
        return grant_end::busy;
    give_up(id);
    return grant_end::ended;
}

/// The holder holds the pages no longer; they end now, or with the last map of them.
void grant_table::give_up(region_id id) {
    auto& what = regions_.at(id);
    if (what.owner_lives && what.holder != 0)
        domains_.at(what.owner).held -= what.references.size();
    what.holder = 0;
    if (what.maps == 0)
        erase(id);
}

void grant_table::erase(region_id id) {
    const auto found = regions_.find(id);
    if (found->second.owner_lives) {
        auto& table = domains_.at(found->second.owner);
        for (const auto reference : found->second.references) {
            table.entries.erase(reference);
            table.free.push_back(reference);
        }
    }
    regions_.erase(found);
}

bool grant_table::beyond_table(const foreign_grant& grant) const {
    constexpr std::uint32_t entries_a_frame = 512;
    const auto domain = domains_.find(grant.owner);
    const auto used = domain == domains_.end() ? 0 : domain->second.next;
    return grant.reference.value >= (used / entries_a_frame + 1) * entries_a_frame;
}

grant_status grant_table::find(domid who, const foreign_grant& grant, access mode,
                               page_source& at) const {
    const auto domain = domains_.find(grant.owner);
    if (domain == domains_.end())
        return grant_status::bad_domain;
    const auto entry = domain->second.entries.find(grant.reference);
    if (entry == domain->second.entries.end())
        return grant_status::bad_grant_reference;
    at = entry->second;
    const auto& what = regions_.at(at.region);
    const bool allowed =
        what.peer == who && (mode == access::read_only || what.mode == access::read_write);
    return allowed ? grant_status::okay : grant_status::permission_denied;
}

mapped_region grant_table::map(process_id holder, domid domain,
                               std::span<const foreign_grant> grants, access mode,
                               const unmap_notify& notify, error_code& ec) {
    map_record fresh{holder, domain, std::vector<page_source>(grants.size()), notify};
    if (grants.empty() || (!notify.empty() && grants.size() != 1) ||
        (notify.clear_byte && mode == access::read_only)) {
        ec = errno_code(EINVAL);
        return {};
    }
    for (std::size_t i = 0; i < grants.size(); ++i) {
        if (const auto status = find(domain, grants[i], mode, fresh.pages[i]);
            status != grant_status::okay) {
            ec = status;
            return {};
        }
    }
    if (!arm(domain, fresh.notify, ec))
        return {};
    for (const auto& page : fresh.pages)
        ++regions_.at(page.region).maps;
    const map_id id = next_id_++;
    mapped_region result{id, fresh.pages};
    maps_.emplace(id, std::move(fresh));
    return result;
}

void grant_table::release_pages(const std::vector<page_source>& pages) {
    for (const auto& page : pages) {
        auto& what = regions_.at(page.region);
        if (--what.maps == 0 && what.holder == 0)
            erase(page.region);
    }
}

void grant_table::unmap(process_id holder, map_id id, error_code& ec) {
    const auto found = maps_.find(id);
    if (found == maps_.end() || found->second.holder != holder) {
        ec = errno_code(EINVAL);
        return;
    }
    auto ending = std::move(found->second);
    maps_.erase(found);
    fire(ending.domain, ending.pages.front(), ending.notify, [&] { release_pages(ending.pages); });
}

file_descriptor grant_table::memory(domid who, region_id id, access mode, error_code& ec) const {
    const auto found = regions_.find(id);
    const bool allowed =
        found != regions_.end() &&
        ((found->second.owner == who && found->second.owner_lives) ||
         (found->second.peer == who &&
          (mode == access::read_only || found->second.mode == access::read_write)));
    if (!allowed) {
        ec = grant_status::permission_denied;
        return {};
    }
    return reopen(found->second.pages, mode, ec);
}

/// What Xen says of a copy (grant_table.c): a reference in the table that does not permit this is a
/// general error, one beyond the table is a bad reference, too long is a bad argument.
copy_answer grant_table::check_copy(domid who, const copy_side& side) const {
    copy_answer answer;
    if (std::size_t{side.offset} + side.length > page_size) {
        answer.status = grant_status::bad_copy_argument;
        return answer;
    }
    answer.status = find(who, side.grant, side.mode, answer.source);
    if (answer.status == grant_status::okay) {
        const auto& what = regions_.at(answer.source.region);
        answer.region_pages = static_cast<std::uint32_t>(what.references.size());
        answer.region_mode = what.mode;
    } else if (answer.status != grant_status::bad_domain && !beyond_table(side.grant)) {
        answer.status = grant_status::general_error;
    }
    return answer;
}

void grant_table::end_process(process_id process) {
    std::vector<map_id> mapped;
    for (const auto& [id, what] : maps_)
        if (what.holder == process)
            mapped.push_back(id);
    error_code ignored;
    for (const auto id : mapped)
        unmap(process, id, ignored);
    std::vector<region_id> granted;
    for (const auto& [id, what] : regions_)
        if (what.holder == process)
            granted.push_back(id);
    for (const auto id : granted) {
        auto& what = regions_.at(id);
        fire(what.owner, {id, 0}, what.notify, [] {});
        give_up(id);
    }
}

void grant_table::remove_domain(domid domain) {
    domains_.erase(domain);
    std::vector<region_id> granted;
    for (auto& [id, what] : regions_)
        if (what.owner == domain && what.owner_lives) {
            what.owner_lives = false;
            granted.push_back(id);
        }
    for (const auto id : granted)
        give_up(id);
    for (auto at = maps_.begin(); at != maps_.end();) {
        if (at->second.domain == domain) {
            release_pages(at->second.pages);
            at = maps_.erase(at);
        } else {
            ++at;
        }
    }
}

grant_table::counts grant_table::count(domid domain) const {
    counts result;
    const auto table = domains_.find(domain);
    if (table != domains_.end()) {
        result.granted = table->second.held;
        result.deferred = table->second.entries.size() - table->second.held;
    }
    for (const auto& [id, what] : maps_)
        if (what.domain == domain)
            result.mapped += what.pages.size();
    return result;
}

} // namespace xenring::local
