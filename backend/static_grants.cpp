#include <xenring/backend/static_grants.hpp>

#include <algorithm>
#include <bit>
#include <random>

namespace xenring::backend {
namespace {

/// Odd and unknown to the guest, so that it cannot choose references that collide.
std::uint64_t random_multiplier() {
    std::random_device source;
    return (std::uint64_t{source()} << 32 | source()) | 1;
}

} // namespace

static_grants::static_grants(std::size_t limit)
    : limit_{limit}, multiplier_{random_multiplier()},
      slots_(std::bit_ceil(std::max<std::size_t>(2, 2 * limit))) {
    shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots_.size()));
    pages_.reserve(limit);
}

std::size_t static_grants::home(std::uint32_t reference) const noexcept {
    return static_cast<std::size_t>(reference * multiplier_ >> shift_);
}

const static_page* static_grants::find(std::uint32_t reference) const noexcept {
    for (std::size_t at = home(reference);; ++at) {
        const auto& [here, number] = slots_[at & (slots_.size() - 1)];
        if (number == 0)
            return nullptr;
        if (here == reference)
            return &pages_[number - 1];
    }
}

void static_grants::insert(std::uint32_t reference, std::size_t number) noexcept {
    std::size_t at = home(reference);
    while (slots_[at & (slots_.size() - 1)].number != 0)
        ++at;
    slots_[at & (slots_.size() - 1)] = {reference, static_cast<std::uint32_t>(number)};
}

void static_grants::rebuild() noexcept {
    std::ranges::fill(slots_, slot{});
    for (std::size_t i = 0; i != pages_.size(); ++i)
        insert(pages_[i].reference().value, i + 1);
}

void static_grants::add(std::vector<static_page> pages) {
    for (auto& page : pages) {
        pages_.push_back(std::move(page));
        insert(pages_.back().reference().value, pages_.size());
    }
}

std::vector<static_page> static_grants::remove(std::span<const std::uint32_t> references,
                                               std::vector<bool>& found) {
    std::vector<static_page> out;
    found.clear();
    for (const auto reference : references) {
        const auto place = std::ranges::find_if(
            pages_, [&](const auto& page) { return page.reference().value == reference; });
        found.push_back(place != pages_.end());
        if (place == pages_.end())
            continue;
        out.push_back(std::move(*place));
        if (place != pages_.end() - 1)
            *place = std::move(pages_.back());
        pages_.pop_back();
    }
    rebuild();
    return out;
}

} // namespace xenring::backend
