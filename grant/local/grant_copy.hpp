// A batch of grant copies: the hypervisor judges the grants, this process moves the bytes.
#pragma once

#include <xenring/grant/local/copy_cache.hpp>

#include <span>

namespace xenring::local {

/// Carries out a batch as gntdev does: EINVAL for the whole batch if a segment has no granted side,
/// else each segment gets a status of its own. One question to the hypervisor a batch, and one more
/// for each region that is not in the cache. A grant that ends while the bytes move is no danger:
/// its memory is never used for anything else.
void grant_copy(link& hypervisor, copy_cache& cache, std::span<copy_segment> segments,
                error_code& ec);

} // namespace xenring::local
