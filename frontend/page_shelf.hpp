#pragma once

/// The pages that one ring's frames lie in, by number. All of them are had at the start.

#include <xenring/grant/page_pool.hpp>
#include <xenring/ring/netif_control.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace xenring::frontend::detail {

/// A number of pages, free or in use. Never allocates after the start; thread safety: none.
class page_shelf {
public:
    page_shelf() = default;
    /// Pages granted to `peer`; they stay granted as long as the shelf is there. Errors: those of
    /// page_pool::take().
    page_shelf(page_pool& pool, domid peer, access mode, std::size_t count, error_code& ec);
    /// Pages that nobody else sees.
    static page_shelf of_private_pages(std::size_t count);

    std::optional<std::uint16_t> take() noexcept;
    /// Precondition: a number that take() gave and that was not given back since.
    void give_back(std::uint16_t page) noexcept;

    std::size_t size() const noexcept { return addresses_.size(); }
    std::size_t free() const noexcept { return free_.size(); }
    std::span<std::byte> bytes(std::uint16_t page) const noexcept {
        return {addresses_[page], page_size};
    }
    /// Precondition: a shelf of granted pages.
    std::uint32_t reference(std::uint16_t page) const noexcept {
        return granted_[page].reference().value;
    }

    /// Every page as an entry of a list for the control ring. Precondition: likewise.
    void append_entries(std::vector<ring::netif::gref_entry>& list, std::uint16_t flags) const;

private:
    void add(std::byte* address);

    std::vector<pooled_page> granted_;
    std::unique_ptr<std::byte[]> private_;
    std::vector<std::byte*> addresses_;
    std::vector<std::uint16_t> free_;
};

} // namespace xenring::frontend::detail
