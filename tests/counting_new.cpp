// In a file of its own: where a compiler sees both, it warns of malloc() and delete in a pair.
//
// All forms are replaced, not only those that the others call by default: a sanitizer brings a set
// of its own, and pairs each delete with its new.
#include "counting_new.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t calls = 0;

void* allocate(std::size_t size) noexcept {
    ++calls;
    return std::malloc(std::max<std::size_t>(size, 1));
}

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
    ++calls;
    const auto unit = static_cast<std::size_t>(alignment);
    return std::aligned_alloc(unit, (std::max<std::size_t>(size, 1) + unit - 1) / unit * unit);
}

void* or_throw(void* memory) {
    return memory ? memory : throw std::bad_alloc{};
}

} // namespace

using std::align_val_t;
using std::nothrow_t;
using std::size_t;

void* operator new(size_t size) {
    return or_throw(allocate(size));
}
void* operator new[](size_t size) {
    return or_throw(allocate(size));
}
void* operator new(size_t size, align_val_t alignment) {
    return or_throw(allocate(size, alignment));
}
void* operator new[](size_t size, align_val_t alignment) {
    return or_throw(allocate(size, alignment));
}
void* operator new(size_t size, const nothrow_t&) noexcept {
    return allocate(size);
}
void* operator new[](size_t size, const nothrow_t&) noexcept {
    return allocate(size);
}
void* operator new(size_t size, align_val_t alignment, const nothrow_t&) noexcept {
    return allocate(size, alignment);
}
void* operator new[](size_t size, align_val_t alignment, const nothrow_t&) noexcept {
    return allocate(size, alignment);
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t, align_val_t) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, size_t, align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, const nothrow_t&) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, const nothrow_t&) noexcept {
    std::free(memory);
}
void operator delete(void* memory, align_val_t, const nothrow_t&) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, align_val_t, const nothrow_t&) noexcept {
    std::free(memory);
}

std::size_t xenring::test::allocations() noexcept {
    return calls;
}
