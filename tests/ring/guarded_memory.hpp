#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>
#include <stdexcept>

namespace xenring::test {

/// Zeroed pages between two pages that must not be touched: a step outside is a crash.
class guarded_memory {
public:
    explicit guarded_memory(std::size_t pages = 1) : size_(pages * page) {
        void* all =
            ::mmap(nullptr, size_ + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED)
            throw std::runtime_error("mmap");
        base_ = static_cast<std::byte*>(all) + page;
        if (::mprotect(base_, size_, PROT_READ | PROT_WRITE) != 0)
            throw std::runtime_error("mprotect");
    }
    ~guarded_memory() { ::munmap(base_ - page, size_ + 2 * page); }
    guarded_memory(const guarded_memory&) = delete;
    guarded_memory& operator=(const guarded_memory&) = delete;

    [[nodiscard]] std::span<std::byte> bytes() const { return {base_, size_}; }
    [[nodiscard]] std::span<std::byte, 4096> first_page() const { return bytes().first<4096>(); }

    static constexpr std::size_t page = 4096;

private:
    std::size_t size_;
    std::byte* base_;
};

} // namespace xenring::test
