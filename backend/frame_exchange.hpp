#pragma once

/// Which of a guest's queues a frame goes to, and the frames that are on their way to another.

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
/// the guest has asked for steering by hash (ring::netif::steering), a queue asks where a frame
/// belongs, leaves those of others here, and takes its own from here first.
///
/// What waits for a queue is bounded, and frames beyond it are refused: a queue of which the guest
/// takes nothing costs memory and its own frames. No allocation after the
/// constructor.
///
/// Thread safety: everything on the executor, or before it is shared.
class frame_exchange {
public:
    /// Bytes that may wait for a queue.
    static constexpr std::size_t capacity = 128 * 1024;

    explicit frame_exchange(std::size_t queues)
        : settings_{static_cast<std::uint32_t>(queues)}, shelves_(queues) {
        for (auto& each : shelves_)
            each.bytes.set_capacity(queues > 1 ? capacity : 0); // a queue alone leaves nothing
    }

    ring::netif::steering& settings() noexcept { return settings_; }

    struct destination {
        std::size_t queue;
        std::optional<ring::netif::packet_hash> hash; ///< to tell the guest
    };
    /// Where a frame belongs that the port gave to queue `here`. One whose kind the guest did not
    /// ask to be hashed goes where a hash of 0 does, as from Linux's netback.
    destination where(std::span<const std::byte> frame, std::size_t here) const noexcept {
        if (settings_.algorithm() == ring::netif::hash_algorithm::none)
            return {here, std::nullopt};
        const auto hash = settings_.hash(frame);
        return {settings_.queue_of(hash ? hash->value : 0), hash};
    }

    /// Has `wake` called whenever a frame was left for the queue; it must not serve at once.
    void on_arrival(std::size_t queue, std::function<void()> wake) {
        shelves_[queue].wake = std::move(wake);
    }

    /// False: too much waits for that queue, and the frame was not taken.
    bool leave(std::size_t queue, const net::virtio_header& header,
               std::span<const std::byte> frame);

    /// The next frame of a queue: its bytes, 0 if there is none. Precondition: the buffer has
    /// room for net::max_frame_size.
    std::size_t take(std::size_t queue, net::virtio_header& header, std::span<std::byte> frame);

private:
    struct label {
        net::virtio_header header;
        std::size_t size;
    };
    struct shelf {
        boost::circular_buffer<std::byte> bytes; ///< a label and a frame, one after the other
        std::function<void()> wake;
    };

    ring::netif::steering settings_;
    std::vector<shelf> shelves_;
};

} // namespace xenring::backend
