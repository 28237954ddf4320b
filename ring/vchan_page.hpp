#pragma once

/// The control page of a vchan.
///
///     offset  size  what                                      written by
///     0, 4    4, 4  left.cons, left.prod                      server, client
///     8, 12   4, 4  right.cons, right.prod                    client, server
///     16, 18  2, 2  left_order, right_order                   server, once
///     20      1     cli_live: 2 not yet, 1 connected, 0 gone  server 2; client 1, 0; its kernel 0
///     21      1     srv_live: 1 up, 0 gone                    server 1, 0; its kernel 0
///     22      1     cli_notify: what the client shall notify  server sets, client clears
///     23      1     srv_notify: what the server shall notify  client sets, server clears
///     24      4 n   grant references, left ring's then right's server, once
///
/// Host byte order. Source: xen/io/libxenvchan.h.

#include <xenring/ring/barrier.hpp>
#include <xenring/ring/fault.hpp>
#include <xenring/ring/shared_copy.hpp>
#include <xenring/ring/vchan_geometry.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenring::ring {

/// Indices of one direction as they lie in the page.
struct vchan_indices {
    std::uint32_t cons;
    std::uint32_t prod;
};

/// The fixed part of the control page; grant references follow it.
struct vchan_control {
    vchan_indices left;
    vchan_indices right;
    std::uint16_t left_order;
    std::uint16_t right_order;
    std::uint8_t cli_live;
    std::uint8_t srv_live;
    std::uint8_t cli_notify;
    std::uint8_t srv_notify;
};

static_assert(offsetof(vchan_control, left) == 0);
static_assert(offsetof(vchan_control, right) == 8);
static_assert(offsetof(vchan_indices, cons) == 0 && offsetof(vchan_indices, prod) == 4);
static_assert(offsetof(vchan_control, left_order) == 16);
static_assert(offsetof(vchan_control, right_order) == 18);
static_assert(offsetof(vchan_control, cli_live) == 20);
static_assert(offsetof(vchan_control, srv_live) == 21);
static_assert(offsetof(vchan_control, cli_notify) == 22);
static_assert(offsetof(vchan_control, srv_notify) == 23);
static_assert(sizeof(vchan_control) == vchan_references_offset);

enum class vchan_role : std::uint8_t { server, client };

/// Values of a live byte.
enum class vchan_live : std::uint8_t {
    gone = 0,
    connected = 1,
    not_yet = 2,    ///< cli_live only: no client has connected yet
    invalid = 0xff, ///< never in the page: stands for any value that means nothing
};

/// Bits of a notify byte, set by the side that wants to hear.
inline constexpr std::uint8_t vchan_notify_write = 1; ///< "tell me when you wrote"
inline constexpr std::uint8_t vchan_notify_read = 2;  ///< "tell me when you consumed"

/// A view of a control page. Does not own it; the page must outlive every view. Cheap to copy.
///
/// What a hostile peer can cause: any value anywhere in the page at any time. Every function here
/// reads what it needs once and returns a private copy.
class vchan_page {
public:
    /// Precondition: `page` is aligned to 4 bytes (a page is) and writable, for both roles.
    explicit vchan_page(std::span<std::byte, page_size> page) noexcept : bytes_(page) {}

    /// Server: zeroes the page and writes orders, references and initial bytes
    /// (cli_live = not_yet, srv_live = connected, cli_notify = notify_write). Call it before any
    /// client can map the page. `references` are those of the left ring, then those of the right
    /// ring, vchan_reference_count(geometry) of them.
    /// Returns check_vchan_geometry(geometry), or unusable_memory if their number is wrong; then
    /// nothing was written.
    [[nodiscard]] fault initialise(vchan_geometry geometry,
                                   std::span<const std::uint32_t> references) noexcept {
        if (const fault bad = check_vchan_geometry(geometry); bad != fault::none)
            return bad;
        if (references.size() != vchan_reference_count(geometry))
            return fault::unusable_memory;
        __builtin_memset(bytes_.data(), 0, bytes_.size());
        for (std::size_t i = 0; i != references.size(); ++i)
            copy_in(reference_at(i), references[i]);
        control().left_order = geometry.left_order;
        control().right_order = geometry.right_order;
        control().cli_notify = vchan_notify_write;
        publish_state(control().cli_live, static_cast<std::uint8_t>(vchan_live::not_yet));
        publish_state(control().srv_live, static_cast<std::uint8_t>(vchan_live::connected));
        return fault::none;
    }

    /// Client: says that it is there (cli_live = connected, srv_notify = notify_write). Indices
    /// stay as they are. The caller notifies the server afterwards.
    void connect() noexcept {
        publish_state(control().cli_live, static_cast<std::uint8_t>(vchan_live::connected));
        publish_state(control().srv_notify, vchan_notify_write);
    }

    /// The orders as they stand in the page now, unchecked: keep the copy that was checked with
    /// check_vchan_geometry() and never read them again.
    [[nodiscard]] vchan_geometry geometry() const noexcept {
        return {copy_out<std::uint16_t>(&control().left_order),
                copy_out<std::uint16_t>(&control().right_order)};
    }

    /// Grant reference number `index`, read once.
    /// Precondition: index < vchan_reference_count(a checked geometry).
    [[nodiscard]] std::uint32_t reference(std::size_t index) const noexcept {
        return copy_out<std::uint32_t>(reference_at(index));
    }

    /// The bytes of a ring that lies in the page. Precondition: `order` is 10 or 11.
    [[nodiscard]] std::span<std::byte> ring_in_page(std::uint16_t order) const noexcept {
        return bytes_.subspan(vchan_ring_size(order), vchan_ring_size(order));
    }

    /// Whether the peer of `own` is there. An index that is read afterwards is at least as new as
    /// this. `invalid` if the byte means nothing (above 2, or not_yet from a server).
    [[nodiscard]] vchan_live peer_live(vchan_role own) const noexcept {
        const std::uint8_t value = observe_state(live_byte(other(own)));
        const auto last = own == vchan_role::server ? vchan_live::not_yet : vchan_live::connected;
        return value > static_cast<std::uint8_t>(last) ? vchan_live::invalid
                                                       : static_cast<vchan_live>(value);
    }

    /// Says that we are leaving; everything published before stays readable for the peer.
    /// The caller notifies the peer afterwards.
    void close(vchan_role own) noexcept {
        publish_state(live_byte(own), static_cast<std::uint8_t>(vchan_live::gone));
    }

    /// Server: puts not_yet back where a connected client was seen, so that the next client shows
    /// as a new change to connected even if the server slept through the gap. Clients do not read
    /// the byte. False if it was not `connected` any more.
    [[nodiscard]] bool mark_client_seen() noexcept {
        return exchange_state(control().cli_live, static_cast<std::uint8_t>(vchan_live::connected),
                              static_cast<std::uint8_t>(vchan_live::not_yet));
    }

    /// Offset of a role's live byte: what the unmap-notify of that side shall clear (21 server, 20
    /// client).
    [[nodiscard]] static constexpr std::size_t live_offset(vchan_role role) noexcept {
        return role == vchan_role::server ? offsetof(vchan_control, srv_live)
                                          : offsetof(vchan_control, cli_live);
    }

    /// Shared words and bytes themselves, for the halves in vchan_endpoint.hpp.
    [[nodiscard]] vchan_control& control() const noexcept {
        return *reinterpret_cast<vchan_control*>(bytes_.data());
    }

    /// The notify byte in which `role` is asked to notify.
    [[nodiscard]] std::uint8_t& notify_byte(vchan_role role) const noexcept {
        return role == vchan_role::server ? control().srv_notify : control().cli_notify;
    }

    [[nodiscard]] static constexpr vchan_role other(vchan_role role) noexcept {
        return role == vchan_role::server ? vchan_role::client : vchan_role::server;
    }

private:
    [[nodiscard]] std::uint8_t& live_byte(vchan_role role) const noexcept {
        return role == vchan_role::server ? control().srv_live : control().cli_live;
    }

    [[nodiscard]] void* reference_at(std::size_t index) const noexcept {
        return bytes_.data() + vchan_references_offset + index * sizeof(std::uint32_t);
    }

    std::span<std::byte, page_size> bytes_;
};

} // namespace xenring::ring
