#pragma once

/// One queue's way to the backend: frames become slots, answers free pages.

#include <xenring/frontend/frames.hpp>
#include <xenring/frontend/page_shelf.hpp>
#include <xenring/frontend/statistics.hpp>
#include <xenring/grant/error.hpp>
#include <xenring/ring/netif_tx_builder.hpp>
#include <xenring/ring/netif_tx_parser.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace xenring::frontend::detail {

/// Thread safety: one thread at a time.
class tx_path final : public page_owner, public std::enable_shared_from_this<tx_path> {
public:
    /// `clean`: nothing is left in a page that is sent beside the frame (XSA-403).
    tx_path(std::span<std::byte> ring, page_shelf pages, bool clean, flow_statistics& counts);

    /// A frame of `size` bytes in fresh pages; empty if there are too few, or for no size that can
    /// be sent.
    outgoing_frame prepare(std::size_t size, std::size_t headroom);

    /// Sends a frame; it is empty then. `notify`: the backend asked to be told. An error leaves the
    /// frame as it is: would_block, message_size, EINVAL; ring_corrupt if the ring is broken.
    void send(outgoing_frame& frame, const ring::netif::packet_info& info, bool& notify,
              error_code& ec);

    /// Asks for a change of the backend's multicast filter; see ring::netif::write_multicast(). One
    /// at a time. False: there is no room. `notify`: as send().
    bool ask_multicast(std::uint8_t type, const ring::netif::mac_address& address, bool& notify);
    /// The status of the answer, once reap() has seen it; once.
    std::optional<std::int16_t> multicast_status() noexcept { return ids_.message_status(); }

    const page_shelf& pages() const noexcept { return pages_; }

    /// Takes the backend's answers.
    void reap() noexcept;

    /// What a frame takes.
    struct room {
        std::size_t slots = 0;
        std::size_t pages = 0;
    };
    static room room_for(std::size_t size, std::size_t headroom) noexcept;
    /// Whether there is room, after a look at the ring.
    bool has(const room& wanted) noexcept;
    /// Asks for an event once a good part of what is under way is answered. True: look again.
    bool arm() noexcept;
    /// Whether answers are to be expected at all.
    bool awaits_answers() const noexcept { return ring_.in_flight() != 0; }

    /// nullptr, or what the backend did.
    const char* fault() const noexcept;
    /// No answer will come any more.
    void end() noexcept { ended_ = true; }

    /// Called when a frame was dropped.
    std::function<void()> on_return;

    void give_back(std::uint16_t page) noexcept override;

private:
    static constexpr std::uint16_t id_count = 256; ///< the capacity of a ring of one page

    ring::netif::send_error push(outgoing_frame& frame, const ring::netif::packet_info& info);
    void count_rejected(std::uint16_t id) noexcept;

    ring::netif::tx_front_ring ring_;
    ring::netif::tx_id_table<id_count> ids_;
    std::array<std::uint16_t, id_count> page_of_{};
    std::array<std::uint32_t, id_count> packet_of_{}; ///< by number; 0: it was counted as rejected
    std::uint32_t packet_ = 0;                        ///< the number of the latest one
    page_shelf pages_;
    flow_statistics& counts_;
    bool clean_;
    bool ended_ = false;
};

} // namespace xenring::frontend::detail
