#include <xenring/frontend/page_shelf.hpp>

#include <utility>

namespace xenring::frontend::detail {

page_shelf::page_shelf(page_pool& pool, domid peer, access mode, std::size_t count,
                       error_code& ec) {
    for (std::size_t i = 0; i != count; ++i) {
        auto page = pool.take(peer, mode, ec);
        if (ec)
            return;
        add(page.bytes().data());
        granted_.push_back(std::move(page));
    }
}

page_shelf page_shelf::of_private_pages(std::size_t count) {
    page_shelf out;
    out.private_ = std::make_unique<std::byte[]>(count * page_size);
    for (std::size_t i = 0; i != count; ++i)
        out.add(out.private_.get() + i * page_size);
    return out;
}

void page_shelf::append_entries(std::vector<ring::netif::gref_entry>& list,
                                std::uint16_t flags) const {
    for (const auto& page : granted_)
        list.push_back({page.reference().value, flags, 0});
}

void page_shelf::add(std::byte* address) {
    free_.push_back(static_cast<std::uint16_t>(addresses_.size()));
    addresses_.push_back(address);
}

std::optional<std::uint16_t> page_shelf::take() noexcept {
    if (free_.empty())
        return std::nullopt;
    const auto page = free_.back();
    free_.pop_back();
    return page;
}

void page_shelf::give_back(std::uint16_t page) noexcept {
    free_.push_back(page); // there is room: it came from there
}

} // namespace xenring::frontend::detail
