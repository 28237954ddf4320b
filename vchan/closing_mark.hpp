// Two words in the control page by which the two ends tell an orderly close from a death.
//
// A live byte of 0 says that the peer is gone, not why: a close clears it, and so does the kernel
// of a process that was killed. libxenvchan knows no difference. Our endpoints use eight bytes of
// the control page that no wire field and no ring uses, and that libxenvchan neither reads nor
// writes once its server has zeroed the page:
//
//     L - 8   u32   the client's mark        L = where the lowest ring in the page begins:
//     L - 4   u32   the server's mark            1024 with order 10, 2048 with 11, else 4096
//
// An end writes `open` there before it says that it is alive, and `closed` before it says that it
// leaves. Where the grant references reach that far (24 + 4n > L - 8) there are no marks.
#pragma once

#include <xenring/ring/barrier.hpp>
#include <xenring/ring/vchan_page.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace xenring::vchan::detail {

enum class mark : std::uint32_t {
    none = 0,           ///< the peer does not mark its closes, or there is no room for marks
    open = 0x4e45504f,  ///< "OPEN" in memory on a little-endian machine
    closed = 0x534f4c43 ///< "CLOS"
};

/// Offset of the client's mark; nothing if the references leave no room.
constexpr std::optional<std::size_t> mark_offset(ring::vchan_geometry geometry) noexcept {
    std::size_t lowest_ring = ring::page_size;
    for (const auto order : {geometry.left_order, geometry.right_order})
        if (ring::vchan_ring_in_page(order))
            lowest_ring = std::min(lowest_ring, ring::vchan_ring_size(order));
    const auto references_end =
        ring::vchan_references_offset + 4 * ring::vchan_reference_count(geometry);
    if (references_end + 8 > lowest_ring)
        return std::nullopt;
    return lowest_ring - 8;
}

/// The marks of one page, as a view. What a hostile peer can cause: a wrong answer about itself.
class closing_marks {
public:
    /// `geometry` must be checked. The page must outlive the view.
    closing_marks(std::span<std::byte, ring::page_size> page,
                  ring::vchan_geometry geometry) noexcept {
        if (const auto offset = mark_offset(geometry))
            words_ = reinterpret_cast<std::uint32_t*>(page.data() + *offset);
    }

    /// Writes the own mark. Comes before the change of the live byte that it explains.
    void set(ring::vchan_role own, mark value) noexcept {
        if (words_)
            ring::publish_index(word(own), static_cast<std::uint32_t>(value)); // pairs with peer()
    }

    /// The peer's mark, as new as the live byte that was observed before.
    mark peer(ring::vchan_role own) const noexcept {
        if (!words_)
            return mark::none;
        const auto value = ring::observe_index(word(ring::vchan_page::other(own)));
        for (const auto known : {mark::open, mark::closed})
            if (value == static_cast<std::uint32_t>(known))
                return known;
        return mark::none;
    }

private:
    std::uint32_t& word(ring::vchan_role role) const noexcept {
        return words_[role == ring::vchan_role::client ? 0 : 1];
    }

    std::uint32_t* words_ = nullptr;
};

} // namespace xenring::vchan::detail
