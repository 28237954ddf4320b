#pragma once

/// One queue's way from the backend: pages go out, frames come back in them.

#include <xenring/frontend/frames.hpp>
#include <xenring/frontend/page_shelf.hpp>
#include <xenring/frontend/statistics.hpp>
#include <xenring/net/virtio_header.hpp>
#include <xenring/ring/netif_rx_builder.hpp>
#include <xenring/ring/netif_rx_parser.hpp>

#include <array>
#include <functional>
#include <memory>
#include <span>

namespace xenring::frontend::detail {

/// Thread safety: one thread at a time.
class rx_path final : public page_owner, public std::enable_shared_from_this<rx_path> {
public:
    /// Posts the pages at once. `copies`: pages to copy frames into; empty for a trusted backend.
    rx_path(std::span<std::byte> ring, page_shelf pages, page_shelf copies,
            const net::offloads& takes, flow_statistics& counts);

    /// Those that the backend fills.
    const page_shelf& pages() const noexcept { return pages_; }

    /// The next frame; empty if there is none, or if the ring is broken.
    received_frame receive();

    /// Whether receive() has something to say, after a look at the ring.
    bool ready() noexcept;
    /// Asks for an event when a frame comes. True: look again. Frames wait anyway as long as there
    /// is no page to copy one into.
    bool arm() noexcept;

    /// Shows the backend the pages that came back. True: it asked to be told.
    [[nodiscard]] bool publish() noexcept;
    std::size_t unpublished() const noexcept { return ring_.unpublished(); }

    /// nullptr, or what the backend did.
    const char* fault() const noexcept;
    /// Nothing will come any more.
    void end() noexcept { ended_ = true; }

    /// Called when a frame was dropped.
    std::function<void()> on_return;

    void give_back(std::uint16_t page) noexcept override;

private:
    bool has_copies() const noexcept;
    void post(std::uint16_t page) noexcept;
    void recycle(std::size_t from, std::size_t to) noexcept;
    std::uint16_t page_in(std::size_t slot) const noexcept;
    received_frame take_frame();

    ring::netif::rx_front_ring ring_;
    ring::netif::rx_reader reader_;
    ring::netif::rx_packet packet_;
    std::array<std::uint16_t, 256> page_of_{}; ///< by slot; the capacity of a ring of one page
    page_shelf pages_;
    page_shelf copies_;
    net::offloads takes_;
    flow_statistics& counts_;
    bool ended_ = false;
};

} // namespace xenring::frontend::detail
