#pragma once

/// Frames, the grant copies that fill or empty them, collected for one call of the hypervisor, and
/// the port's way to take or give many in one call of the kernel.

#include <xenring/grant/hypervisor.hpp>
#include <xenring/net/frame_burst.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace xenring::backend {

/// Everything is allocated at the start. One at a time uses it, from clear() to the end of what it
/// does with the frames.
class copy_batch {
public:
    static constexpr std::size_t memory_size = 2 * 1024 * 1024;
    static constexpr std::size_t max_segments = 256;

    copy_batch() : memory_{std::make_unique<std::byte[]>(memory_size)} {
        segments_.reserve(max_segments);
    }

    void clear() noexcept {
        used_ = 0;
        segments_.clear();
    }

    /// Whether a frame of `bytes` and its `segments` still fit.
    bool has_room(std::size_t bytes, std::size_t segments) const noexcept {
        return memory_size - used_ >= bytes && max_segments - segments_.size() >= segments;
    }

    /// What is free; take() makes the beginning of it a frame.
    std::span<std::byte> room() noexcept { return {memory_.get() + used_, memory_size - used_}; }
    std::span<std::byte> take(std::size_t bytes) noexcept {
        const auto out = room().first(bytes);
        used_ += bytes;
        return out;
    }

    /// Precondition: has_room(0, 1).
    void add(const copy_segment& segment) noexcept { segments_.push_back(segment); }

    std::span<copy_segment> segments() noexcept { return segments_; }

    net::frame_burst& burst() noexcept { return burst_; }

    /// Whether segments [first, first + count) were all copied.
    bool copied(std::size_t first, std::size_t count) const noexcept {
        bool all = true;
        for (std::size_t i = first; i != first + count; ++i)
            all = all && segments_[i].status == grant_status::okay;
        return all;
    }

private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t used_ = 0;
    std::vector<copy_segment> segments_;
    net::frame_burst burst_;
};

} // namespace xenring::backend
