#pragma once

/// Where the frames of a vif come from and go to: a TAP, or whatever speaks its language.

#include <xenring/grant/error.hpp>
#include <xenring/net/virtio_header.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace xenring::net {

/// Bytes of the longest frame that is read or written: 64 KiB of IP, Ethernet, two VLAN tags.
inline constexpr std::size_t max_frame_size = 65535 + 14 + 8;

/// Bytes of the largest IP packet in a frame: what IPv4 needs, what is meant where nothing is said,
/// and what the largest frame of a vif has room for.
inline constexpr std::uint32_t smallest_mtu = 68, usual_mtu = 1500, largest_mtu = 65521;

/// A descriptor on which each read() and write() moves one virtio_header and one frame, at once and
/// without blocking: a TAP's queue, or a packet socket pair in tests.
///
/// Thread safety: one thread at a time for all calls; frames may move meanwhile on another.
class frame_port {
public:
    frame_port() = default;
    frame_port(const frame_port&) = delete;
    frame_port& operator=(const frame_port&) = delete;
    virtual ~frame_port() = default;

    /// What it is called now, for people.
    virtual std::string name() const = 0;

    /// Opens the descriptor of queue `queue` for the caller, who closes it; polls readable when a
    /// frame is there. Errors: errno.
    virtual int open_queue(std::size_t queue, error_code& ec) = 0;

    /// How many queues can be open.
    virtual std::size_t max_queues() const { return std::numeric_limits<std::size_t>::max(); }

    /// The largest packet, of what has such a limit.
    virtual std::size_t mtu() const { return usual_mtu; }
    virtual void set_mtu(std::size_t, error_code&) {}

    /// Frames so far that found its queue full, where that is counted: of all its queues.
    virtual std::uint64_t dropped() const { return 0; }

    /// Says which frames the reader takes; the port completes the others in software.
    virtual void set_offloads(const offloads& reader, error_code& ec) = 0;

    /// Whether there is somebody at the other end.
    virtual void set_carrier(bool up) noexcept = 0;
};

/// Reads one frame into `frame`. Gives its bytes; 0 and no error if none is there. A frame that
/// does not fit is cut off by the descriptor: offer max_frame_size. Errors: errno.
std::size_t read_frame(int descriptor, virtio_header& header, std::span<std::byte> frame,
                       error_code& ec) noexcept;

/// Writes one frame. Errors: errno; EIO of a TAP that is down, EINVAL for a header that it refuses.
void write_frame(int descriptor, const virtio_header& header, std::span<const std::byte> frame,
                 error_code& ec) noexcept;

} // namespace xenring::net
