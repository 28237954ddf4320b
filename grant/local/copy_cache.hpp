// Memory of granted pages that grant copies go through, kept mapped between copies.
#pragma once

#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/mapping.hpp>

#include <cstdint>
#include <map>

namespace xenring::local {

/// Regions by their number, which is never used twice: an entry can be out of use, never wrong. No
/// more than `capacity` regions (2 or more); the one that was used longest ago goes first. The
/// hypervisor is asked before each copy whether the grant still stands, so an entry gives no
/// rights. Not thread-safe.
class copy_cache {
public:
    explicit copy_cache(std::size_t capacity) : capacity_{capacity} {}

    /// The page that `answer` is about; nullptr and ec if its memory cannot be had. Valid until the
    /// call after the next, so that a copy may have both of its sides at hand.
    std::byte* find(link& hypervisor, const copy_answer& answer, error_code& ec);

private:
    struct entry {
        mapping pages;
        std::uint64_t last_use = 0;
    };

    std::size_t capacity_;
    std::uint64_t uses_ = 0;
    std::map<region_id, entry> entries_;
};

} // namespace xenring::local
