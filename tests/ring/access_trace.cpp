#include "access_trace.hpp"

#include <sys/mman.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <ucontext.h>

namespace xenring::test {
namespace {

constexpr greg_t single_step = 0x100; // the trap flag

struct {
    std::byte* page;
    std::size_t count;
    std::array<std::uintptr_t, 256> address;
} watch;

void protect(int access) {
    if (::mprotect(watch.page, 4096, access) != 0)
        std::abort();
}

void on_access(int, siginfo_t* info, void* context) {
    auto* where = static_cast<std::byte*>(info->si_addr);
    if (where < watch.page || where >= watch.page + 4096 || watch.count == watch.address.size())
        std::abort(); // a fault that is not ours
    watch.address[watch.count++] = reinterpret_cast<std::uintptr_t>(where);
    protect(PROT_READ | PROT_WRITE);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= single_step;
}

void after_access(int, siginfo_t*, void* context) {
    protect(PROT_NONE);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~single_step;
}

struct handler {
    handler(int signal, void (*action)(int, siginfo_t*, void*)) : signal_(signal) {
        struct sigaction mine {};
        mine.sa_sigaction = action;
        mine.sa_flags = SA_SIGINFO;
        if (::sigaction(signal, &mine, &before_) != 0)
            throw std::runtime_error("sigaction");
    }
    ~handler() { ::sigaction(signal_, &before_, nullptr); }
    handler(const handler&) = delete;
    handler& operator=(const handler&) = delete;
    int signal_;
    struct sigaction before_ {};
};

} // namespace

std::vector<std::uintptr_t> trace_accesses(std::span<std::byte, 4096> page, void (*action)(void*),
                                           void* argument) {
    watch.page = page.data();
    watch.count = 0;
    const handler on_fault(SIGSEGV, on_access);
    const handler on_step(SIGTRAP, after_access);
    protect(PROT_NONE);
    action(argument);
    protect(PROT_READ | PROT_WRITE);
    return {watch.address.begin(), watch.address.begin() + std::ptrdiff_t(watch.count)};
}

} // namespace xenring::test
