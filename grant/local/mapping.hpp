// A range of this process's addresses that is given back once.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/local/file_descriptor.hpp>

#include <cstddef>
#include <utility>

namespace xenring::local {

/// Owns `pages` contiguous pages of address space. Move-only; empty after a move.
class mapping {
public:
    mapping() noexcept = default;
    mapping(mapping&& other) noexcept
        : address_{std::exchange(other.address_, nullptr)}, pages_{std::exchange(other.pages_, 0)} {
    }
    mapping& operator=(mapping&& other) noexcept {
        mapping taken{std::move(other)};
        std::swap(address_, taken.address_);
        std::swap(pages_, taken.pages_);
        return *this;
    }
    ~mapping() { reset(); }

    /// Addresses with nothing behind them yet; place() puts pages there.
    static mapping reserve(std::size_t pages, error_code& ec) noexcept;

    /// Puts `count` pages of `memory`, from its page `source` on, at our page `at`.
    void place(std::size_t at, const file_descriptor& memory, std::size_t source, std::size_t count,
               access mode, error_code& ec) noexcept;

    /// reserve() and place() of the first `pages` pages of `memory`.
    static mapping of(const file_descriptor& memory, std::size_t pages, access mode,
                      error_code& ec) noexcept;

    std::byte* address() const noexcept { return address_; }
    std::size_t pages() const noexcept { return pages_; }
    void reset() noexcept;

private:
    std::byte* address_ = nullptr;
    std::size_t pages_ = 0;
};

} // namespace xenring::local
