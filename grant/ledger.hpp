// What is granted, mapped and quarantined, counted; so that a leak has a name.
#pragma once

#include <atomic>
#include <cstddef>

namespace xenring {

/// Counts pages of one hypervisor object. Every member is safe on any thread; the figures are each
/// exact, but not one snapshot.
class ledger {
public:
    /// Pages granted to peers and not yet asked to end.
    std::size_t granted() const noexcept { return granted_.load(); }
    /// The most that granted() ever was.
    std::size_t granted_high_water() const noexcept { return high_water_.load(); }
    /// Pages asked to end that the peer still maps.
    std::size_t quarantined() const noexcept { return quarantined_.load(); }
    /// Pages asked to end of which the hypervisor does not tell what became (Linux gntalloc).
    std::size_t unknown() const noexcept { return unknown_.load(); }
    /// Pages of other domains that are mapped here.
    std::size_t mapped() const noexcept { return mapped_.load(); }

private:
    friend class hypervisor;
    void grant(std::size_t pages) noexcept {
        const auto now = granted_ += pages;
        for (auto seen = high_water_.load(); seen < now;)
            if (high_water_.compare_exchange_weak(seen, now))
                break;
    }

    std::atomic<std::size_t> granted_{0};
    std::atomic<std::size_t> high_water_{0};
    std::atomic<std::size_t> quarantined_{0};
    std::atomic<std::size_t> unknown_{0};
    std::atomic<std::size_t> mapped_{0};
};

} // namespace xenring
