#pragma once

/// From the guest to the frame port: packets of the tx ring become frames.

#include <xenring/backend/capture.hpp>
#include <xenring/backend/copy_batch.hpp>
#include <xenring/backend/multicast_filter.hpp>
#include <xenring/backend/static_grants.hpp>
#include <xenring/backend/vif_statistics.hpp>
#include <xenring/grant/hypervisor.hpp>
#include <xenring/net/frame_burst.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace xenring::backend {

/// What came of one round on a ring.
struct path_result {
    std::size_t packets = 0; ///< that were answered
    std::uint64_t bytes = 0; ///< of the guest's frames
    bool notify = false;     ///< the guest asked to be told: do it now
    bool more = false;       ///< there may be more: come again, after others had their turn
};

/// Takes packets from the tx ring in order, fetches the data of many in one grant copy into private
/// memory (by plain copies where pages are mapped), each packet in one piece, hands them to the
/// port and answers them in order.
///
/// Nothing is allocated after the constructor. A round is bounded, whatever the guest does. A
/// hostile guest can make its own ring unusable (fault()), and can hand over any bytes as a frame:
/// the port's other end gets them as from any cable.
///
/// Thread safety: one thread at a time; the batch may be shared by paths of that thread.
class tx_path {
public:
    /// Takes over a ring in the guest's page, fresh or running, which must outlive this. The
    /// descriptor is that of a net::frame_port and is not owned. `grants`: pages that are mapped
    /// here already, if there are any; not owned. No filter: the feature was not offered, and who
    /// uses it is told so.
    tx_path(hypervisor& machine, domid guest, std::span<std::byte> ring, int descriptor,
            copy_batch& batch, flow_statistics& counts, const static_grants* grants = nullptr,
            multicast_filter* filter = nullptr, frame_capture* capture = nullptr);

    /// Takes no more packets once they hold `limit` bytes.
    path_result serve(std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());

    /// Asks the guest to notify. True: something is there already, serve() again instead.
    bool arm() noexcept { return ring_.arm(); }

    ring::fault fault() const noexcept { return ring_.fault(); }
    /// What was wrong with the packet that broke the ring.
    ring::netif::packet_error broken_packet() const noexcept { return broken_packet_; }

private:
    struct item {
        ring::netif::tx_packet packet;
        std::span<std::byte> frame;
        std::size_t first_segment = 0;
        std::size_t segments = 0;  ///< fewer than fragments if some are mapped here
        std::int16_t status = 0;   ///< to answer with
        bool goes_to_port = false; ///< if the port takes it
    };
    std::size_t collect(std::uint64_t limit);
    bool fetch_mapped(const ring::netif::fragment& what, std::byte* to) noexcept;
    void fetch();
    void hand_on(std::span<item> what);
    std::int16_t prepare(item& what);
    void sent(item& what, const error_code& ec);
    bool answer(std::size_t count) noexcept;
    std::int16_t change_filter(const ring::netif::tx_packet& request) noexcept;

    hypervisor& machine_;
    domid guest_;
    int descriptor_;
    copy_batch& batch_;
    flow_statistics& counts_;
    const static_grants* grants_;
    multicast_filter* filter_;
    frame_capture* capture_;
    ring::netif::tx_back_ring ring_;
    std::vector<item> items_;
    std::vector<net::moving_frame> leaving_;
    ring::netif::packet_error broken_packet_ = ring::netif::packet_error::none;
};

} // namespace xenring::backend
