// In a file of its own: where a compiler sees both, it warns of malloc() and delete in a pair.
#include "counting_new.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t calls = 0;
} // namespace

void* operator new(std::size_t size) {
    ++calls;
    if (void* const memory = std::malloc(size))
        return memory;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

std::size_t xenring::frontend::test::allocations() noexcept {
    return calls;
}
