#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/leak_report.hpp>
#include <xenring/grant/ledger.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#ifndef NDEBUG

namespace xenring::detail {
namespace {

constexpr std::size_t regions_told = 16, references_told = 8;

/// Pages that lie together: whose, and the first few of their grant references.
struct region_name {
    bool mapped = false;
    domid other;
    std::size_t pages = 0;
    std::array<grant_ref, references_told> references{};
};

struct registry {
    std::mutex mutex;
    std::set<const hypervisor*> alive;
    std::map<std::pair<const hypervisor*, const void*>, region_name> names;
};

/// Never destroyed: objects with static lifetime come and go at the end, too.
registry& everything() {
    static registry& instance = *new registry;
    return instance;
}

void tell(const region_name& region) {
    std::string references;
    const auto told = std::min(region.pages, references_told);
    for (std::size_t i = 0; i != told; ++i)
        references += (i == 0 ? "" : ", ") + std::to_string(region.references[i].value);
    if (told < region.pages)
        references += " and " + std::to_string(region.pages - told) + " more";
    std::fprintf(stderr, "xenring: leak: %s domain %u: grant reference %s\n",
                 region.mapped ? "mapped, of" : "granted to", unsigned{region.other.value},
                 references.c_str());
}

void tell_names(const hypervisor& machine) {
    std::size_t seen = 0;
    for (const auto& [key, region] : everything().names)
        if (key.first == &machine && ++seen <= regions_told)
            tell(region);
    if (seen > regions_told)
        std::fprintf(stderr, "xenring: leak: and %zu more regions\n", seen - regions_told);
}

void report() {
    const std::lock_guard guard{everything().mutex};
    for (const auto* machine : everything().alive) {
        const auto& accounts = machine->accounts();
        if (accounts.granted() + accounts.mapped() == 0)
            continue;
        std::fprintf(stderr, "xenring: leak: %zu page(s) granted and %zu mapped at exit; %s\n",
                     accounts.granted(), accounts.mapped(), machine->description().c_str());
        tell_names(*machine);
    }
}

void name(const hypervisor& machine, const void* address, const region_name& region) noexcept {
    try {
        const std::lock_guard guard{everything().mutex};
        everything().names.insert_or_assign({&machine, address}, region);
    } catch (...) {
        // Out of memory: it is counted all the same.
    }
}

} // namespace

void include_in_leak_report(const hypervisor& machine) {
    const std::lock_guard guard{everything().mutex};
    static const int registered = std::atexit(report);
    static_cast<void>(registered);
    everything().alive.insert(&machine);
}

void release_from_leak_report(const hypervisor& machine) noexcept {
    const std::lock_guard guard{everything().mutex};
    everything().alive.erase(&machine);
}

void name_granted(const hypervisor& machine, const void* address, domid peer,
                  std::span<const grant_ref> references) noexcept {
    region_name region{false, peer, references.size(), {}};
    std::copy_n(references.begin(), std::min(references.size(), references_told),
                region.references.begin());
    name(machine, address, region);
}

void name_mapped(const hypervisor& machine, const void* address,
                 std::span<const foreign_grant> grants) noexcept {
    region_name region{true, grants.front().owner, grants.size(), {}};
    std::transform(grants.begin(),
                   grants.begin() +
                       static_cast<std::ptrdiff_t>(std::min(grants.size(), references_told)),
                   region.references.begin(), [](const auto& grant) { return grant.reference; });
    name(machine, address, region);
}

void forget_named(const hypervisor& machine, const void* address) noexcept {
    const std::lock_guard guard{everything().mutex};
    everything().names.erase({&machine, address});
}

} // namespace xenring::detail

#endif
