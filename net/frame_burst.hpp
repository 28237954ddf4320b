#pragma once

/// Many frames in one system call.
///
/// A TAP moves one frame with each read() and write(), so small frames cost a system call each, and
/// in a PV domain, where the hypervisor stands between programs and their kernel, that is most of
/// what they cost. io_uring takes many at once.

#include <xenring/grant/error.hpp>
#include <xenring/net/virtio_header.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace xenring::net {

/// A frame on its way, or room for one.
struct moving_frame {
    virtio_header header;
    std::span<std::byte> bytes;
    error_code error; ///< of what was written
};

/// Reads and writes frames of frame_port's descriptors, several at a time where the kernel has
/// io_uring (Linux 5.19, if it is allowed), one after another where not.
///
/// Everything is allocated at the start; a call never blocks and never allocates. Thread safety:
/// one thread at a time.
class frame_burst {
public:
    /// Frames of one system call; more take several.
    static constexpr std::size_t most = 64;

    enum class calls : std::uint8_t { as_few_as_possible, one_for_each_frame };
    explicit frame_burst(calls wanted = calls::as_few_as_possible);
    ~frame_burst();
    frame_burst(const frame_burst&) = delete;
    frame_burst& operator=(const frame_burst&) = delete;

    /// Whether several frames take one call here.
    bool batches() const noexcept { return ring_ != nullptr; }

    /// Writes all frames in order; each says how it fared, by errno as write_frame(). EAGAIN: the
    /// descriptor took no more.
    void write(int descriptor, std::span<moving_frame> frames) noexcept;

    /// Reads frames into the rooms that `frames` names, as many as are there and fit. Gives their
    /// number, which is less than `frames.size()` if no more are there; they stand in front in the
    /// order in which they came, not always each in the room that stood there. Each room should
    /// have max_frame_size. ec: the descriptor broke; frames that were read before that are given,
    /// too. Precondition: at most `most` frames.
    std::size_t read(int descriptor, std::span<moving_frame> frames, error_code& ec) noexcept;

private:
    struct ring;
    std::unique_ptr<ring> ring_;
};

} // namespace xenring::net
