#include <xenring/grant/local/mapping.hpp>

#include <sys/mman.h>

#include <cerrno>

namespace xenring::local {

mapping mapping::reserve(std::size_t pages, error_code& ec) noexcept {
    void* address = ::mmap(nullptr, pages * page_size, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mapping result;
    if (address == MAP_FAILED) {
        ec = errno_code(errno);
        return result;
    }
    result.address_ = static_cast<std::byte*>(address);
    result.pages_ = pages;
    return result;
}

void mapping::place(std::size_t at, const file_descriptor& memory, std::size_t source,
                    std::size_t count, access mode, error_code& ec) noexcept {
    const int protection = mode == access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void* address =
        ::mmap(address_ + at * page_size, count * page_size, protection, MAP_SHARED | MAP_FIXED,
               memory.get(), static_cast<off_t>(source * page_size));
    if (address == MAP_FAILED)
        ec = errno_code(errno);
}

mapping mapping::of(const file_descriptor& memory, std::size_t pages, access mode,
                    error_code& ec) noexcept {
    auto result = reserve(pages, ec);
    if (!ec)
        result.place(0, memory, 0, pages, mode, ec);
    if (ec)
        result.reset();
    return result;
}

void mapping::reset() noexcept {
    if (address_)
        ::munmap(std::exchange(address_, nullptr), std::exchange(pages_, 0) * page_size);
}

} // namespace xenring::local
