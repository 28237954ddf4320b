#pragma once

/// Which of a guest's queues a frame goes to, and the frames that are on their way to another.

#include <xenring/net/frame_port.hpp>
#include <xenring/net/virtio_header.hpp>
#include <xenring/ring/netif_steering.hpp>

#include <boost/circular_buffer.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace xenring::backend {

/// The queues of one vif between themselves. A frame port chooses a queue by rules of its own; once
/// the guest has asked for steering by hash (ring::netif::steering), each queue sorts what its port
/// has onto a shelf for each queue, and serves its own shelf.
///
/// A shelf is bounded, and frames beyond it are refused: a queue of which the guest takes nothing
/// costs memory and its own frames. No allocation after the constructor.
///
/// Thread safety: everything on the executor, or before it is shared.
class frame_exchange {
public:
    /// Bytes that may wait for a queue; with one queue nothing does.
    static constexpr std::size_t capacity = 512 * 1024;

    explicit frame_exchange(std::size_t queues)
        : settings_{static_cast<std::uint32_t>(queues)}, shelves_(queues) {
        for (auto& each : shelves_)
            each.bytes.set_capacity(queues > 1 ? capacity : 0);
    }

    ring::netif::steering& settings() noexcept { return settings_; }

    /// Whether ports are to be sorted.
    bool steers() const noexcept { return shelves_.size() > 1 && settings_.hashes(); }

    struct destination {
        std::size_t queue;
        std::optional<ring::netif::packet_hash> hash; ///< to tell the guest
    };
    /// Where a frame belongs that the port gave to queue `here`. One whose kind the guest did not
    /// ask to be hashed goes where a hash of 0 does, as from Linux's netback.
    destination where(std::span<const std::byte> frame, std::size_t here) const noexcept {
        if (!settings_.hashes())
            return {here, std::nullopt};
        const auto hash = settings_.hash(frame);
        return {settings_.queue_of(hash ? hash->value : 0), hash};
    }

    /// Has `wake` called whenever another queue left a frame; it must not serve at once.
    void on_arrival(std::size_t queue, std::function<void()> wake) {
        shelves_[queue].wake = std::move(wake);
    }

    /// Whether a frame is left for a queue.
    bool holds(std::size_t queue) const noexcept { return shelves_[queue].frames != 0; }

    /// Whether the queue's shelf takes a frame of any size.
    bool has_room(std::size_t queue) const noexcept {
        return shelves_[queue].bytes.reserve() >= sizeof(label) + net::max_frame_size;
    }

    /// Puts a frame on the shelf of `to`. False: it is full, and the frame was not taken.
    bool leave(std::size_t from, std::size_t to, const net::virtio_header& header,
               std::span<const std::byte> frame);

    /// The next frame of a queue's shelf: its bytes, 0 if there is none. Precondition: the buffer
    /// has room for net::max_frame_size.
    std::size_t take(std::size_t queue, net::virtio_header& header, std::span<std::byte> frame);

    /// Throws away what waits for a queue; gives how many frames that were.
    std::size_t clear(std::size_t queue) noexcept;

private:
    struct label {
        net::virtio_header header;
        std::size_t size;
    };
    struct shelf {
        boost::circular_buffer<std::byte> bytes; ///< a label and a frame, one after the other
        std::size_t frames = 0;
        std::function<void()> wake;
    };

    ring::netif::steering settings_;
    std::vector<shelf> shelves_;
};

} // namespace xenring::backend
