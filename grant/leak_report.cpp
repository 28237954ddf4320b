#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/leak_report.hpp>
#include <xenring/grant/ledger.hpp>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>

namespace xenring::detail {
namespace {

struct registry {
    std::mutex mutex;
    std::set<const hypervisor*> alive;
};

/// Never destroyed: objects with static lifetime come and go at the end, too.
registry& everything() {
    static registry& instance = *new registry;
    return instance;
}

void report() {
    const std::lock_guard guard{everything().mutex};
    for (const auto* machine : everything().alive) {
        const auto& accounts = machine->accounts();
        if (accounts.granted() + accounts.mapped() != 0)
            std::fprintf(stderr, "xenring: leak: %zu page(s) granted and %zu mapped at exit; %s\n",
                         accounts.granted(), accounts.mapped(), machine->description().c_str());
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

} // namespace xenring::detail
