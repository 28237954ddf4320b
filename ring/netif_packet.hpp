#pragma once

/// What a packet is, apart from the slots that it travels in: pieces of granted pages, what is
/// known about its checksum, how to segment it, its hash. Both directions use the same words.

#include <xenring/ring/netif.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring::netif {

/// Up to N values in place. Never allocates; push() beyond N is refused.
template <class T, std::size_t N>
class fixed_list {
public:
    /// False, and nothing changed, if N values are there.
    constexpr bool push(const T& value) noexcept {
        if (size_ == N)
            return false;
        items_[size_++] = value;
        return true;
    }
    constexpr void pop_front() noexcept {
        for (std::size_t i = 1; i < size_; ++i)
            items_[i - 1] = items_[i];
        size_ -= size_ != 0 ? 1 : 0;
    }
    constexpr void clear() noexcept { size_ = 0; }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    /// Precondition: index < size().
    [[nodiscard]] constexpr T& operator[](std::size_t index) noexcept { return items_[index]; }
    [[nodiscard]] constexpr const T& operator[](std::size_t index) const noexcept {
        return items_[index];
    }
    [[nodiscard]] constexpr const T* data() const noexcept { return items_; }
    [[nodiscard]] constexpr const T* begin() const noexcept { return items_; }
    [[nodiscard]] constexpr const T* end() const noexcept { return items_ + size_; }

private:
    T items_[N]{};
    std::size_t size_ = 0;
};

/// Bytes of a granted page. In a packet that a parser accepted: size > 0, offset + size <=
/// page_size.
struct fragment {
    std::uint32_t gref;
    std::uint16_t offset;
    std::uint16_t size;
    friend constexpr bool operator==(const fragment&, const fragment&) = default;
};

enum class gso_type : std::uint8_t { tcpv4 = 1, tcpv6 = 2 };

/// The packet is one large TCP segment that is still to be cut.
struct segmentation {
    std::uint16_t size; ///< most payload bytes in a segment; never 0
    gso_type type;
    std::uint16_t features; ///< passed on as it is
    friend constexpr bool operator==(const segmentation&, const segmentation&) = default;
};

/// A hash that the sender computed. Whatever it says, it is only a hint.
struct packet_hash {
    std::uint8_t type; ///< number of a bit of hash_type
    std::uint8_t algorithm;
    std::uint32_t value;
    friend constexpr bool operator==(const packet_hash&, const packet_hash&) = default;
};

using mac_address = std::array<std::uint8_t, 6>;

/// What travels with a packet's bytes.
struct packet_info {
    /// The transport checksum holds the sum of the pseudo header only: whoever sends the packet on
    /// to something that cannot do it completes it.
    bool csum_blank = false;
    /// The data are known to be good, be the checksum there or not.
    bool data_validated = false;
    std::optional<segmentation> gso{};
    std::optional<packet_hash> hash{};
    /// Bytes free before the data, as Linux's XDP uses them. Not in Xen's header.
    std::optional<std::uint16_t> xdp_headroom{};
    friend constexpr bool operator==(const packet_info&, const packet_info&) = default;

    /// Segments of a packet whose checksum is not blank would get wrong checksums. Old senders
    /// forget the flag: put the pseudo header's sum in before segmenting such a packet.
    [[nodiscard]] constexpr bool needs_checksum_fixup() const noexcept {
        return gso.has_value() && !csum_blank;
    }
};

/// `info` as it should be sent: a blank checksum is validated data, and a packet that is to be
/// segmented has a blank checksum.
[[nodiscard]] constexpr packet_info normalised(packet_info info) noexcept {
    info.csum_blank = info.csum_blank || info.gso.has_value();
    info.data_validated = info.data_validated || info.csum_blank;
    return info;
}

[[nodiscard]] constexpr std::uint16_t tx_flags(const packet_info& info) noexcept {
    return static_cast<std::uint16_t>((info.csum_blank ? tx_flag::csum_blank : 0) |
                                      (info.data_validated ? tx_flag::data_validated : 0));
}
[[nodiscard]] constexpr std::uint16_t rx_flags(const packet_info& info) noexcept {
    return static_cast<std::uint16_t>((info.csum_blank ? rx_flag::csum_blank : 0) |
                                      (info.data_validated ? rx_flag::data_validated : 0));
}

/// What came of a look at a ring.
enum class verdict : std::uint8_t {
    empty,    ///< no packet there
    accepted, ///< a packet that keeps every rule
    rejected, ///< a whole packet that cannot be used; the ring goes on
    broken,   ///< the peer broke the protocol; the ring is poisoned and must not be served any more
};

/// Why a packet was not accepted.
enum class packet_error : std::uint8_t {
    none = 0,
    // A whole packet is lost, no more: buggy peers do these.
    too_many_slots,   ///< more than max_slots data slots
    sizes_over_total, ///< tx: the other slots hold more than the first announces
    shorter_than_ethernet,
    backend_reported, ///< rx: the backend could not fill a slot
    // The chain of slots cannot be trusted any more.
    ring_fault,        ///< see the ring's fault()
    incomplete_packet, ///< the chain runs past what the peer published
    endless_packet,    ///< data slots far beyond max_slots
    crosses_page,      ///< offset + size beyond the page
    unknown_extra,
    repeated_extra,
    zero_gso_size,
    unknown_gso_type,
    wrong_id, ///< rx: a response that belongs to another slot
    unasked_gso_prefix,
};

/// Whether the ring is dead after it; otherwise only the packet is lost.
[[nodiscard]] constexpr bool is_fatal(packet_error error) noexcept {
    return error >= packet_error::ring_fault;
}

/// A short English phrase for logs; static storage. An unknown value has a phrase too.
[[nodiscard]] constexpr const char* describe(packet_error error) noexcept {
    constexpr const char* phrases[] = {
        "no error",
        "packet uses too many slots",
        "slots hold more than the packet's size",
        "packet is shorter than an Ethernet header",
        "backend could not fill a buffer",
        "ring is broken",
        "packet is not complete in the ring",
        "packet has no end",
        "data cross the end of their page",
        "extra of unknown type",
        "extra appears twice",
        "segment size is zero",
        "segmentation of unknown type",
        "response carries the id of another slot",
        "segmentation prefix that nobody asked for",
    };
    const auto index = static_cast<std::size_t>(error);
    return index < sizeof phrases / sizeof *phrases ? phrases[index] : "unknown error";
}

/// Data slots after which a packet counts as endless and no more as merely too long: a bound on the
/// work that a peer can demand before it is cut off (XSA-39).
inline constexpr std::size_t fatal_slots = max_slots + 2;

} // namespace xenring::ring::netif
