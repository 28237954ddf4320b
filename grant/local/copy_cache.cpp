#include <xenring/grant/local/copy_cache.hpp>

#include <algorithm>

namespace xenring::local {

std::byte* copy_cache::find(link& hypervisor, const copy_answer& answer, error_code& ec) {
    auto found = entries_.find(answer.source.region);
    if (found == entries_.end()) {
        const auto memory = hypervisor.memory(answer.source.region, answer.region_mode, ec);
        mapping pages;
        if (!ec)
            pages = mapping::of(memory, answer.region_pages, answer.region_mode, ec);
        if (ec)
            return nullptr;
        if (entries_.size() >= capacity_)
            entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                            [](const auto& left, const auto& right) {
                                                return left.second.last_use < right.second.last_use;
                                            }));
        found = entries_.emplace(answer.source.region, entry{std::move(pages), 0}).first;
    }
    found->second.last_use = ++uses_;
    return found->second.pages.address() + answer.source.page * page_size;
}

} // namespace xenring::local
