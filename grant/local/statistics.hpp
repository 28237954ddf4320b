// What is in use in the stand-in, domain by domain; so that "nothing is left over" can be shown.
#pragma once

#include <xenring/grant/types.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace xenring::local {

struct domain_statistics {
    domid domain;
    std::size_t processes = 0;
    std::size_t pages_granted = 0;  ///< held by its processes
    std::size_t pages_deferred = 0; ///< given up or their process gone, but a peer still maps them
    std::size_t pages_mapped = 0;   ///< of other domains
    std::size_t ports = 0;
    std::size_t watches = 0;
    std::size_t store_transactions = 0;
    std::size_t store_nodes = 0; ///< owned by it
};

struct machine_statistics {
    std::vector<domain_statistics> domains; ///< those that exist, by domid

    /// Pages granted, deferred and mapped, ports, watches and transactions: 0 when every program
    /// has given back what it took.
    std::size_t left_over() const noexcept;
    /// The entry of one domain; all zero if it does not exist.
    domain_statistics of(domid domain) const noexcept;
};

/// A table for people, one line a domain.
std::string to_string(const machine_statistics& statistics);

} // namespace xenring::local
