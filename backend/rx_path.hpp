#pragma once

/// From the frame port to the guest: frames are copied into the buffers that the guest posted.

#include <xenring/backend/capture.hpp>
#include <xenring/backend/copy_batch.hpp>
#include <xenring/backend/frame_exchange.hpp>
#include <xenring/backend/static_grants.hpp>
#include <xenring/backend/tx_path.hpp>
#include <xenring/backend/vif_statistics.hpp>
#include <xenring/grant/hypervisor.hpp>
#include <xenring/net/frame_burst.hpp>
#include <xenring/net/virtio_header.hpp>
#include <xenring/ring/netif_rx_builder.hpp>

#include <bitset>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace xenring::backend {

/// Reads frames while the guest has buffers for them, copies many in one grant copy (by plain
/// copies where buffers are mapped), and answers.
/// One frame for which there are not enough buffers is held; the others wait in the port, which
/// bounds them.
///
/// Nothing is allocated after the constructor. A round is bounded. A hostile guest can make its own
/// ring unusable (fault()) and lose its own frames.
///
/// Thread safety: one thread at a time; the batch may be shared by paths of that thread.
class rx_path {
public:
    /// What the guest takes.
    struct traits {
        bool scatter_gather = false;
        net::offloads takes;
        const multicast_filter* multicast = nullptr; ///< none: all of it
        frame_capture* capture = nullptr;            ///< of what it gets
        frame_exchange* exchange = nullptr;          ///< none: frames stay in their queue
        std::size_t queue = 0;                       ///< which of the exchange's
    };

    /// See tx_path.
    rx_path(hypervisor& machine, domid guest, std::span<std::byte> ring, int descriptor,
            const traits& guest_takes, copy_batch& batch, flow_statistics& counts,
            const static_grants* grants = nullptr);

    /// `more` says that there may be more frames and buffers. Without it the port is empty, or a
    /// frame is held because buffers are missing: see holds(). ec: the port broke.
    path_result serve(error_code& ec);

    /// Whether a frame waits for buffers.
    bool holds() const noexcept { return held_size_ != 0; }
    /// Whether the port holds frames of other queues too, which wait for nobody's buffers here.
    bool sorts() const noexcept { return traits_.exchange && traits_.exchange->steers(); }
    /// Asks the guest to notify when there are enough. True: they are there by now. Precondition:
    /// holds().
    bool arm() noexcept;
    /// Drops the frame that is held and those that wait behind it; of those in the port as many as
    /// one round takes. True: there may be more of them.
    bool drop();

    ring::fault fault() const noexcept { return ring_.fault(); }

private:
    struct item {
        ring::netif::rx_delivery delivery;
        std::size_t first_segment = 0;
        std::bitset<ring::netif::max_slots> stored; ///< targets that are mapped here and filled
        std::span<const std::byte> frame;
        bool segmented = false, blank = false;
    };
    struct frame_in_hand {
        std::span<std::byte> bytes;
        ring::netif::packet_info info;
    };
    bool sort(error_code& ec);
    frame_in_hand take_held();
    std::size_t frames_at_once(std::size_t so_far);
    std::span<net::moving_frame> read(std::size_t wanted, error_code& ec);
    bool take_from_shelf(net::moving_frame& out);
    bool accept(item& out, const net::moving_frame& arrived);
    bool plan(item& out, const frame_in_hand& frame);
    bool store_mapped(const ring::netif::rx_target& target,
                      std::span<const std::byte> frame) noexcept;
    bool settle(item& which) noexcept;
    void copy(std::size_t count);
    bool answer(std::size_t count) noexcept;

    hypervisor& machine_;
    domid guest_;
    int descriptor_;
    traits traits_;
    copy_batch& batch_;
    flow_statistics& counts_;
    const static_grants* grants_;
    ring::netif::rx_back_ring ring_;
    std::vector<item> items_;
    std::vector<net::moving_frame> arrived_;
    std::size_t expected_ = 1; ///< frames that the port may have, by what it had lately
    std::unique_ptr<std::byte[]> held_;
    std::size_t held_size_ = 0;
    ring::netif::packet_info held_info_;
    std::size_t slots_needed_ = 0;
};

} // namespace xenring::backend
