// What every test of the suite starts from: this domain, another one, and the store between them.
#pragma once

#include "event_queue.hpp"
#include "far_domain.hpp"

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/ledger.hpp>
#include <xenring/grant/store.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

namespace xenring::conformance {

/// Where the suite runs: set once by the program's main, before the tests.
struct setting {
    std::string near_specification; ///< for open_hypervisor()
    domid far;                      ///< where conformance_agent runs
    /// Destroys the far domain, if this setting can. After that no test needs it.
    std::function<void()> destroy_far;
};
setting& the_setting();

/// Two domains. A test must give up all that it took: pages left over on either side fail it.
class two_domains : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    hypervisor& near() const { return *near_; }
    store& near_store() const { return *store_; }
    far_domain& far() const { return *far_; }
    /// Whether this hypervisor tells when a grant has ended. Linux's gntalloc does not.
    bool tells_end() const { return near_->kind() != "xen"; }
    /// A domain that does not exist.
    static constexpr domid nobody{0x7ef0};

    /// The first bytes of a page as text.
    static std::string text(std::span<const std::byte> bytes, std::size_t length);
    static void put(std::span<std::byte> bytes, std::string_view what);

    /// Grants one page, writable, to the far domain.
    granted_pages share_one(const unmap_notify& notify = {}) {
        return near().share(far().id(), 1, access::read_write, notify);
    }
    foreign_grant own_grant(grant_ref reference) const { return {near_->self(), reference}; }

private:
    std::shared_ptr<hypervisor> near_;
    std::unique_ptr<store> store_;
    std::unique_ptr<far_domain> far_;
};

/// The code that `action` throws as xenring::error; no error if it throws none.
template <class Action>
error_code code_of(Action&& action) {
    try {
        action();
        return {};
    } catch (const boost::system::system_error& failure) {
        return failure.code();
    }
}

/// Polls until `done` is true: for what the other kernel does in its own time. False: it never was.
bool eventually(const std::function<bool()>& done);

} // namespace xenring::conformance
