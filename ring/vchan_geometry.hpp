#pragma once

/// Sizes and places of a vchan's two rings.
///
/// A ring of order n holds 2^n bytes. Order 10 lies in bytes 1024..2047 of the control page, order
/// 11 in bytes 2048..4095, and a larger one in 2^(n-12) pages that are granted separately.
/// "left" carries client to server, "right" server to client. Source: xen/io/libxenvchan.h and
/// tools/libs/vchan/init.c of Xen 4.17.

#include <xenring/ring/fault.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring {

inline constexpr std::size_t page_size = 4096;

/// log2 of the sizes of the two rings, in bytes.
struct vchan_geometry {
    std::uint16_t left_order;
    std::uint16_t right_order;

    friend bool operator==(const vchan_geometry&, const vchan_geometry&) = default;
};

inline constexpr std::uint16_t vchan_small_order = 10;     ///< the 1 KiB ring in the page
inline constexpr std::uint16_t vchan_large_order = 11;     ///< the 2 KiB ring in the page
inline constexpr std::uint16_t vchan_page_order = 12;      ///< from here on: pages of its own
inline constexpr std::uint16_t vchan_max_order = 20;       ///< 1 MiB
inline constexpr std::size_t vchan_references_offset = 24; ///< of the first grant reference

/// Bytes in a ring.
[[nodiscard]] constexpr std::size_t vchan_ring_size(std::uint16_t order) noexcept {
    return std::size_t{1} << order;
}

/// Whether the ring lies in the control page; then it begins at this many bytes, which is its size.
[[nodiscard]] constexpr bool vchan_ring_in_page(std::uint16_t order) noexcept {
    return order < vchan_page_order;
}

/// Pages that are granted for a ring beside the control page: 0, or 2^(order-12).
[[nodiscard]] constexpr std::size_t vchan_ring_pages(std::uint16_t order) noexcept {
    return vchan_ring_in_page(order) ? 0 : vchan_ring_size(order) / page_size;
}

/// Grant references in the control page: those of the left ring, then those of the right one.
[[nodiscard]] constexpr std::size_t vchan_reference_count(vchan_geometry geometry) noexcept {
    return vchan_ring_pages(geometry.left_order) + vchan_ring_pages(geometry.right_order);
}

/// The orders that libxenvchan's server picks for at least these many bytes: a ring in the page
/// wherever it fits, else whole pages. (0, 0) gives the default, 1 KiB left and 2 KiB right.
/// Nothing if either is above 1 MiB.
[[nodiscard]] constexpr std::optional<vchan_geometry>
choose_vchan_geometry(std::size_t left_min, std::size_t right_min) noexcept {
    constexpr auto small = vchan_ring_size(vchan_small_order);
    constexpr auto large = vchan_ring_size(vchan_large_order);
    constexpr auto paged = [](std::size_t size) noexcept {
        const std::size_t rounded = size <= page_size ? page_size : std::bit_ceil(size);
        return static_cast<std::uint16_t>(std::countr_zero(rounded));
    };

    if (left_min > vchan_ring_size(vchan_max_order) || right_min > vchan_ring_size(vchan_max_order))
        return std::nullopt;
    if (left_min <= small && right_min <= large)
        return vchan_geometry{vchan_small_order, vchan_large_order};
    if (left_min <= large && right_min <= small)
        return vchan_geometry{vchan_large_order, vchan_small_order};
    if (left_min <= large)
        return vchan_geometry{vchan_large_order, paged(right_min)};
    if (right_min <= large)
        return vchan_geometry{paged(left_min), vchan_large_order};
    return vchan_geometry{paged(left_min), paged(right_min)};
}

/// What a client must refuse in a server's orders: an order outside 10..20 (bad_order), both rings
/// in the same place of the page (equal_in_page_orders), and grant references that reach into a
/// ring in the page (references_overlap_ring: order 10 leaves room for 250 of them, so 10 beside 20
/// is impossible; the first bytes through that ring would overwrite them). fault::none if usable.
[[nodiscard]] constexpr fault check_vchan_geometry(vchan_geometry geometry) noexcept {
    const auto [left, right] = geometry;
    if (left < vchan_small_order || left > vchan_max_order || right < vchan_small_order ||
        right > vchan_max_order)
        return fault::bad_order;
    if (vchan_ring_in_page(left) && left == right)
        return fault::equal_in_page_orders;

    const std::size_t end =
        vchan_references_offset + vchan_reference_count(geometry) * sizeof(std::uint32_t);
    for (const std::uint16_t order : {left, right})
        if (vchan_ring_in_page(order) && end > vchan_ring_size(order))
            return fault::references_overlap_ring;
    return fault::none;
}

} // namespace xenring::ring
