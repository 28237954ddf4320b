// A descriptor that is closed once, and the few kinds that the stand-in is made of.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/types.hpp>

#include <cstddef>
#include <utility>

namespace xenring::local {

/// Owns one descriptor, or none (-1). Move-only. Everything made here is close-on-exec.
class file_descriptor {
public:
    file_descriptor() noexcept = default;
    explicit file_descriptor(int number) noexcept : number_{number} {}
    file_descriptor(file_descriptor&& other) noexcept : number_{other.release()} {}
    file_descriptor& operator=(file_descriptor&& other) noexcept {
        file_descriptor taken{std::move(other)};
        std::swap(number_, taken.number_);
        return *this;
    }
    ~file_descriptor() { close(); }

    explicit operator bool() const noexcept { return number_ >= 0; }
    int get() const noexcept { return number_; }
    int release() noexcept { return std::exchange(number_, -1); }
    void close() noexcept;

    /// Another descriptor of the same open file.
    file_descriptor duplicate(error_code& ec) const noexcept;

private:
    int number_ = -1;
};

/// The same for a descriptor that somebody else owns.
file_descriptor duplicate(int descriptor, error_code& ec) noexcept;

/// `pages` zeroed pages of memory that no file system holds.
file_descriptor make_memory(std::size_t pages, error_code& ec) noexcept;

/// The same memory through a new open file; one that is read_only cannot be mapped writable.
file_descriptor reopen(const file_descriptor& memory, access mode, error_code& ec) noexcept;

/// A non-blocking eventfd, not raised.
file_descriptor make_event(error_code& ec) noexcept;

/// Raises an eventfd. Never blocks: a full counter is raised already.
void raise(const file_descriptor& event) noexcept;

/// Whether a descriptor polls readable, or hung up, right now.
bool is_readable(int descriptor) noexcept;
bool is_hung_up(int descriptor) noexcept;

} // namespace xenring::local
