#include "explorer.hpp"

#include <cstring>
#include <deque>
#include <memory>
#include <ucontext.h>
#include <unordered_set>
#include <utility>
#include <vector>

namespace xenring::model {
namespace {

struct pending_store {
    void* address;
    std::size_t size;
    std::uint32_t value;
    bool sets_bits;
};

std::uint32_t read(const void* address, std::size_t size) {
    std::uint32_t value = 0;
    std::memcpy(&value, address, size);
    return value;
}

std::uint32_t applied(const pending_store& store, std::uint32_t before) {
    return store.sets_bits ? before | store.value : store.value;
}

enum class need { nothing, empty_buffer, event };

struct domain {
    ucontext_t context{};
    std::deque<pending_store> buffer;
    std::uint64_t history = 0;
    purpose last_store = purpose::index;
    need waits_for = need::nothing;
    bool event_pending = false;
    bool finished = false;

    [[nodiscard]] bool can_step() const {
        if (finished)
            return false;
        return (waits_for == need::nothing) ||
               (waits_for == need::empty_buffer && buffer.empty()) ||
               (waits_for == need::event && event_pending);
    }
};

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    hash *= 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 33);
}

/// One run of a scenario; the fibers switch back to it before each step.
struct run {
    run(std::unique_ptr<scenario> what_, mutation without_)
        : what(std::move(what_)), without(without_) {}

    std::unique_ptr<scenario> what;
    mutation without;
    domain domains[2];
    ucontext_t scheduler{};
    int current = 0;

    domain& self() { return domains[current]; }

    /// Gives the scheduler the choice; returns when this domain may do its step.
    void yield(need for_what = need::nothing) {
        self().waits_for = for_what;
        ::swapcontext(&self().context, &scheduler);
    }

    void remember(std::uint64_t value) { self().history = mixed(self().history, value + 1); }

    void drain(domain& of) {
        const pending_store store = of.buffer.front();
        of.buffer.pop_front();
        const std::uint32_t value = applied(store, read(store.address, store.size));
        std::memcpy(store.address, &value, store.size);
    }

    [[nodiscard]] std::uint64_t key() const {
        std::uint64_t hash = 0;
        for (const std::byte b : what->shared())
            hash = mixed(hash, std::to_integer<std::uint64_t>(b));
        for (const domain& d : domains) {
            hash = mixed(hash, d.history);
            hash = mixed(hash, d.buffer.size());
            for (const pending_store& store : d.buffer)
                hash = mixed(mixed(hash, std::uintptr_t(store.address)), store.value);
            hash = mixed(hash, unsigned(d.event_pending) * 2u + unsigned(d.finished));
        }
        return hash;
    }
};

run* active = nullptr;
alignas(16) char stacks[2][64 * 1024];

void enter_domain(int index) {
    active->what->run(index);
    active->domains[index].finished = true;
    active->yield();
}

/// Possible next steps: 0, 1: that domain goes on; 2, 3: its oldest store becomes visible.
std::vector<int> possible(const run& r) {
    std::vector<int> steps;
    for (int i = 0; i != 2; ++i)
        if (r.domains[i].can_step())
            steps.push_back(i);
    for (int i = 0; i != 2; ++i)
        if (!r.domains[i].buffer.empty())
            steps.push_back(i + 2);
    return steps;
}

void take(run& r, int step) {
    if (step >= 2)
        return r.drain(r.domains[step - 2]);
    r.current = step;
    ::swapcontext(&r.scheduler, &r.domains[step].context);
}

/// Brings both domains to their first step.
void start(run& r) {
    for (int i = 0; i != 2; ++i) {
        ucontext_t& context = r.domains[i].context;
        ::getcontext(&context);
        context.uc_stack.ss_sp = stacks[i];
        context.uc_stack.ss_size = sizeof stacks[i];
        context.uc_link = nullptr;
        ::makecontext(&context, reinterpret_cast<void (*)()>(enter_domain), 1, i);
        take(r, i);
    }
}

struct branch {
    std::size_t chosen;
    std::size_t count;
};

/// Follows `path`, then always the first choice, which it appends, until the run ends or comes to a
/// known state. True if it ended with somebody asleep.
bool follow(run& r, std::vector<branch>& path, std::unordered_set<std::uint64_t>& seen) {
    for (std::size_t depth = 0;; ++depth) {
        const std::vector<int> steps = possible(r);
        if (steps.empty())
            return !(r.domains[0].finished && r.domains[1].finished);
        if (depth == path.size()) {
            if (!seen.insert(r.key()).second)
                return false;
            path.push_back({0, steps.size()});
        }
        take(r, steps[path[depth].chosen]);
    }
}

} // namespace

outcome explore(const std::function<std::unique_ptr<scenario>()>& begin, mutation without) {
    std::unordered_set<std::uint64_t> seen;
    std::vector<branch> path;
    do {
        run r(begin(), without);
        active = &r;
        start(r);
        const bool lost = follow(r, path, seen);
        active = nullptr;
        if (lost)
            return {seen.size(), true};
        while (!path.empty() && ++path.back().chosen == path.back().count)
            path.pop_back();
    } while (!path.empty());
    return {seen.size(), false};
}

void store(void* address, std::size_t size, std::uint32_t value, purpose why) {
    active->yield();
    active->remember(0);
    active->self().last_store = why;
    active->self().buffer.push_back({address, size, value, false});
}

std::uint32_t load(const void* address, std::size_t size) {
    active->yield();
    std::uint32_t value = read(address, size);
    for (const pending_store& store : active->self().buffer)
        if (store.address == address)
            value = applied(store, value);
    active->remember(value);
    return value;
}

void set_bits(std::uint8_t* address, std::uint8_t bits) {
    active->yield();
    active->remember(0);
    active->self().last_store = purpose::request;
    active->self().buffer.push_back({address, 1, bits, true});
}

std::uint8_t clear_bits(std::uint8_t* address, std::uint8_t bits) {
    active->yield(need::empty_buffer);
    const std::uint8_t before = *address;
    *address = static_cast<std::uint8_t>(before & ~bits);
    active->remember(before);
    return before;
}

void fence() {
    const mutation& without = active->without;
    const bool after_index = active->self().last_store == purpose::index;
    if (after_index ? without.no_fence_after_index : without.no_fence_after_request)
        return;
    active->yield(need::empty_buffer);
    active->remember(0);
}

void notify() {
    active->yield();
    active->remember(0);
    active->domains[1 - active->current].event_pending = true;
}

void wait() {
    active->yield(need::event);
    active->remember(0);
    active->self().event_pending = false;
}

} // namespace xenring::model
