// Pages granted once and used many times: granting costs a call to the hypervisor, taking a page
// from the pool does not.
#pragma once

#include <xenring/grant/hypervisor.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace xenring {

class page_pool;

namespace detail {
class page_pool_state;
struct pool_page;
} // namespace detail

/// One page taken from a page_pool, granted to one peer. Move-only; goes back to its pool when it
/// is dropped. The address is page aligned and never changes. Outlives the pool object safely.
class pooled_page {
public:
    pooled_page() noexcept = default;
    pooled_page(pooled_page&& other) noexcept;
    pooled_page& operator=(pooled_page&& other) noexcept;
    ~pooled_page();

    explicit operator bool() const noexcept { return page_ != nullptr; }
    /// The page. The peer sees it, and may write it at any time if it was taken read_write.
    std::span<std::byte, page_size> bytes() const noexcept;
    grant_ref reference() const noexcept;

private:
    friend class page_pool;
    pooled_page(std::shared_ptr<detail::page_pool_state>, detail::pool_page*) noexcept;

    std::shared_ptr<detail::page_pool_state> pool_;
    detail::pool_page* page_ = nullptr;
};

/// How a page_pool behaves.
struct page_pool_options {
    /// Pages granted by one call when the pool has to grow, 1 or more.
    std::size_t batch = 16;
    /// Pages that the pool holds at most, in use and free; 0 for no limit of its own.
    std::size_t limit = 0;
};

/// A pool of pages for any number of peers. On Linux a page and its grant are born together (the
/// kernel's gntalloc owns both), so pages are pooled by peer and access: a page that went back is
/// given out again only for the same peer and the same access, and never for another domain. Fresh
/// pages are zeroed before they are granted (XSA-403); a page given out again holds what this
/// domain and that same peer left in it.
///
/// Thread safety: safe on any thread. take() allocates nothing while free pages are there. In debug
/// builds a pool that ends while pages are in use says so on standard error, with their references.
class page_pool {
public:
    explicit page_pool(hypervisor& machine, page_pool_options options = {});
    page_pool(const page_pool&) = delete;
    page_pool& operator=(const page_pool&) = delete;
    ~page_pool();

    /// Takes a page granted to `peer`. Errors: those of hypervisor::share(), and errc::grant_limit
    /// when options.limit is reached.
    pooled_page take(domid peer, access mode, error_code& ec);
    pooled_page take(domid peer, access mode);

    /// Asks for the end of every grant to `peer`, as when it has gone. Pages in use follow when
    /// they are dropped. Returns what became of the free ones: busy if any is busy, else unknown if
    /// the hypervisor does not tell, else ended. Busy ones are quarantined
    /// (hypervisor::accounts()).
    grant_end forget(domid peer) noexcept;

    std::size_t in_use() const noexcept;     ///< pages taken and not dropped
    std::size_t high_water() const noexcept; ///< the most that in_use() ever was
    std::size_t free() const noexcept;       ///< pages granted and waiting to be taken

private:
    std::shared_ptr<detail::page_pool_state> state_;
};

} // namespace xenring
