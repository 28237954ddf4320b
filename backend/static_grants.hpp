#pragma once

/// Pages of a guest's that stay mapped, so that copying from and to them costs no hypervisor call:
/// netif's static grants.

#include <xenring/backend/mapping_budget.hpp>
#include <xenring/grant/pages.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace xenring::backend {

/// One page, mapped as the guest granted it. Move-only; the destructor unmaps, which may block.
class static_page {
public:
    template <access Mode>
    static_page(grant_ref reference, mapped_pages<Mode> page, mapping_budget::part part) noexcept
        : part_{std::move(part)}, reference_{reference}, page_{std::move(page)} {}

    grant_ref reference() const noexcept { return reference_; }

    /// The guest may change them at any time: copy once.
    std::span<const std::byte> bytes() const noexcept {
        return std::visit(
            [](const auto& page) -> std::span<const std::byte> { return page.bytes(); }, page_);
    }
    /// Empty if the guest granted it read-only.
    std::span<std::byte> writable() const noexcept {
        const auto* const page = std::get_if<mapped_pages<access::read_write>>(&page_);
        return page ? page->bytes() : std::span<std::byte>{};
    }

private:
    mapping_budget::part part_; ///< given back after the page is unmapped
    grant_ref reference_;
    std::variant<mapped_pages<access::read_only>, mapped_pages<access::read_write>> page_;
};

/// The pages of one queue, by grant reference. Looking one up takes constant time, whatever
/// references a guest chooses: where they lie is random.
///
/// Thread safety: none; whoever looks up and whoever changes take turns.
class static_grants {
public:
    explicit static_grants(std::size_t limit);

    std::size_t limit() const noexcept { return limit_; }
    std::size_t size() const noexcept { return pages_.size(); }

    /// nullptr if the reference is not here. Good until the next change.
    const static_page* find(std::uint32_t reference) const noexcept;

    /// Precondition: size() + pages.size() <= limit(), and no reference is here already or twice.
    void add(std::vector<static_page> pages);

    /// Takes those out that are here; says of each reference whether it was.
    std::vector<static_page> remove(std::span<const std::uint32_t> references,
                                    std::vector<bool>& found);

private:
    struct slot {
        std::uint32_t reference = 0;
        std::uint32_t number = 0; ///< of its page, from 1; 0: nothing here
    };
    std::size_t home(std::uint32_t reference) const noexcept;
    void insert(std::uint32_t reference, std::size_t number) noexcept;
    void rebuild() noexcept;

    std::size_t limit_;
    std::uint64_t multiplier_;
    unsigned shift_;
    std::vector<slot> slots_; ///< at most half of them used
    std::vector<static_page> pages_;
};

} // namespace xenring::backend
