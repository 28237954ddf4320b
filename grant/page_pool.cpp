#include <xenring/grant/page_pool.hpp>
#include <xenring/grant/pages.hpp>

#include <algorithm>
#include <cstdio>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace xenring::detail {

struct page_batch;

struct pool_page {
    page_batch* batch = nullptr;
    std::byte* address = nullptr;
    grant_ref reference;
    bool taken = false;
};

/// Pages granted by one call; they can only end together (gntalloc maps and unmaps whole ranges).
struct page_batch {
    explicit page_batch(granted_pages granted) : grant{std::move(granted)} {
        pages.resize(grant.page_count());
        for (std::size_t i = 0; i < pages.size(); ++i)
            pages[i] = {this, grant.bytes().data() + i * page_size, grant.references()[i], false};
    }

    granted_pages grant;
    std::vector<pool_page> pages;
    std::size_t taken = 0;
    bool forgotten = false;
};

/// The pages of one peer with one kind of access.
struct page_shelf {
    std::list<page_batch> batches;
    std::vector<pool_page*> free;
};

class page_pool_state {
public:
    page_pool_state(hypervisor& machine, page_pool_options options)
        : machine_{machine.shared_from_this()}, options_{options} {
        options_.batch = std::max<std::size_t>(options_.batch, 1);
    }

    pool_page* take(domid peer, access mode, error_code& ec) {
        std::lock_guard lock{mutex_};
        auto& shelf = shelves_[{peer, mode}];
        if (shelf.free.empty())
            grow(shelf, peer, mode, ec);
        if (shelf.free.empty())
            return nullptr;
        ec.clear();
        auto* page = shelf.free.back();
        shelf.free.pop_back();
        page->taken = true;
        ++page->batch->taken;
        high_water_ = std::max(high_water_, ++in_use_);
        return page;
    }

    void give_back(pool_page* page) noexcept {
        std::lock_guard lock{mutex_};
        auto& batch = *page->batch;
        auto& shelf = shelves_.find({batch.grant.peer(), batch.grant.mode()})->second;
        page->taken = false;
        --batch.taken;
        --in_use_;
        if (!batch.forgotten)
            shelf.free.push_back(page); // capacity was reserved by grow()
        else if (batch.taken == 0)
            end(shelf, batch);
    }

    grant_end forget(domid peer) noexcept {
        std::lock_guard lock{mutex_};
        auto result = grant_end::ended;
        for (const auto mode : {access::read_only, access::read_write}) {
            const auto found = shelves_.find({peer, mode});
            if (found != shelves_.end())
                result = worse(result, forget(found->second));
        }
        return result;
    }

    std::size_t in_use() const noexcept { return locked(&page_pool_state::in_use_); }
    std::size_t high_water() const noexcept { return locked(&page_pool_state::high_water_); }
    std::size_t free() const noexcept {
        std::lock_guard lock{mutex_};
        std::size_t count = 0;
        for (const auto& [key, shelf] : shelves_)
            count += shelf.free.size();
        return count;
    }

    /// Names every page that was not given back.
    void report_leaks() const noexcept {
        std::lock_guard lock{mutex_};
        for (const auto& [key, shelf] : shelves_)
            for (const auto& batch : shelf.batches)
                for (const auto& page : batch.pages)
                    if (page.taken)
                        std::fprintf(stderr,
                                     "xenring: leak: page with grant reference %u, granted to "
                                     "domain %u, was never given back to its pool\n",
                                     page.reference.value, unsigned{key.first.value});
    }

private:
    void grow(page_shelf& shelf, domid peer, access mode, error_code& ec) {
        auto count = options_.batch;
        if (options_.limit != 0)
            count = std::min(count, options_.limit - std::min(options_.limit, held_));
        if (count == 0) {
            ec = errc::grant_limit;
            return;
        }
        auto grant = machine_->share(peer, count, mode, {}, ec);
        if (ec)
            return;
        auto& batch = shelf.batches.emplace_back(std::move(grant));
        held_ += count;
        std::size_t pages = 0;
        for (const auto& each : shelf.batches)
            pages += each.pages.size();
        shelf.free.reserve(pages);
        for (auto& page : batch.pages)
            shelf.free.push_back(&page);
    }

    grant_end forget(page_shelf& shelf) noexcept {
        auto result = grant_end::ended;
        shelf.free.clear();
        for (auto next = shelf.batches.begin(); next != shelf.batches.end();) {
            auto& batch = *next++;
            batch.forgotten = true;
            if (batch.taken == 0)
                result = worse(result, end(shelf, batch));
        }
        return result;
    }

    /// Ends a batch; its destructor hands it to quarantine if the peer still maps it.
    grant_end end(page_shelf& shelf, page_batch& batch) noexcept {
        held_ -= batch.pages.size();
        const auto result = batch.grant.end();
        shelf.batches.remove_if([&](const page_batch& each) { return &each == &batch; });
        return result;
    }

    static grant_end worse(grant_end a, grant_end b) noexcept {
        if (a == grant_end::busy || b == grant_end::busy)
            return grant_end::busy;
        return a == grant_end::unknown ? a : b;
    }

    std::size_t locked(std::size_t page_pool_state::*figure) const noexcept {
        std::lock_guard lock{mutex_};
        return this->*figure;
    }

    mutable std::mutex mutex_;
    std::shared_ptr<hypervisor> machine_;
    page_pool_options options_;
    std::map<std::pair<domid, access>, page_shelf> shelves_;
    std::size_t held_ = 0;
    std::size_t in_use_ = 0;
    std::size_t high_water_ = 0;
};

} // namespace xenring::detail

namespace xenring {

pooled_page::pooled_page(std::shared_ptr<detail::page_pool_state> pool,
                         detail::pool_page* page) noexcept
    : pool_{std::move(pool)}, page_{page} {}

pooled_page::pooled_page(pooled_page&& other) noexcept
    : pool_{std::move(other.pool_)}, page_{std::exchange(other.page_, nullptr)} {}

pooled_page& pooled_page::operator=(pooled_page&& other) noexcept {
    pooled_page taken{std::move(other)};
    std::swap(pool_, taken.pool_);
    std::swap(page_, taken.page_);
    return *this;
}

pooled_page::~pooled_page() {
    if (page_)
        pool_->give_back(page_);
}

std::span<std::byte, page_size> pooled_page::bytes() const noexcept {
    return std::span<std::byte, page_size>{page_->address, page_size};
}

grant_ref pooled_page::reference() const noexcept {
    return page_->reference;
}

page_pool::page_pool(hypervisor& machine, page_pool_options options)
    : state_{std::make_shared<detail::page_pool_state>(machine, options)} {}

page_pool::~page_pool() {
#ifndef NDEBUG
    state_->report_leaks();
#endif
}

pooled_page page_pool::take(domid peer, access mode, error_code& ec) {
    ec.clear();
    auto* page = state_->take(peer, mode, ec);
    return page ? pooled_page{state_, page} : pooled_page{};
}

pooled_page page_pool::take(domid peer, access mode) {
    error_code ec;
    auto page = take(peer, mode, ec);
    if (ec)
        throw_if(ec, "take a page for domain " + std::to_string(peer.value));
    return page;
}

grant_end page_pool::forget(domid peer) noexcept {
    return state_->forget(peer);
}
std::size_t page_pool::in_use() const noexcept {
    return state_->in_use();
}
std::size_t page_pool::high_water() const noexcept {
    return state_->high_water();
}
std::size_t page_pool::free() const noexcept {
    return state_->free();
}

} // namespace xenring
