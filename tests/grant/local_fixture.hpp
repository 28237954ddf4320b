// Domains of the stand-in in one process, and the check that they leave nothing behind.
#pragma once

#include <xenring/grant/ledger.hpp>
#include <xenring/grant/local/machine.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace xenring::test {

/// Domains 1 and 2, with one process each. Nothing may be left over at the end.
class local_domains : public ::testing::Test {
protected:
    explicit local_domains(local::machine_options options = {}) : machine{std::move(options)} {
        one = machine.open(domid{1});
        two = machine.open(domid{2});
    }

    void TearDown() override {
        const auto left = machine.statistics();
        EXPECT_EQ(left.left_over(), 0u) << to_string(left);
        if (one) {
            EXPECT_EQ(one->accounts().granted() + one->accounts().mapped(), 0u);
        }
    }

    local::machine machine;
    std::shared_ptr<hypervisor> one;
    std::shared_ptr<hypervisor> two;
};

inline std::vector<foreign_grant> grants_of(domid owner, const granted_pages& pages) {
    std::vector<foreign_grant> grants;
    for (const auto reference : pages.references())
        grants.push_back({owner, reference});
    return grants;
}

/// All that is pending now.
inline std::vector<port> pending(event_channel& channel) {
    std::array<port, 32> ports;
    error_code ec;
    const auto count = channel.read_pending(ports, ec);
    EXPECT_FALSE(ec) << ec.message();
    return {ports.begin(), ports.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// An event channel descriptor in each of two domains, with one channel between them whose first,
/// causeless event is taken and unmasked.
struct bound_pair {
    std::unique_ptr<event_channel> left, right;
    port left_port, right_port;

    bound_pair(hypervisor& a, hypervisor& b)
        : left{a.open_event_channel()}, right{b.open_event_channel()} {
        error_code ec;
        left_port = left->bind_unbound(b.self(), ec);
        EXPECT_FALSE(ec) << ec.message();
        right_port = right->bind_interdomain(a.self(), left_port, ec);
        EXPECT_FALSE(ec) << ec.message();
        EXPECT_EQ(pending(*right), std::vector{right_port});
        right->unmask(right_port, ec);
    }
};

} // namespace xenring::test
