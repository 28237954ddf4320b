#include "two_domains.hpp"

#include <boost/asio/io_context.hpp>

#include <cstring>
#include <thread>

namespace xenring::conformance {
namespace {

// Only an executor is needed: the suite uses the store's blocking calls.
boost::asio::io_context& context() {
    static boost::asio::io_context instance;
    return instance;
}

} // namespace

setting& the_setting() {
    static setting instance;
    return instance;
}

void two_domains::SetUp() {
    // Once it is gone, each further test would wait for it in vain.
    static bool far_is_gone = false;
    ASSERT_FALSE(far_is_gone) << "the far domain does not answer";
    far_is_gone = true;
    near_ = open_hypervisor(the_setting().near_specification);
    store_ = std::make_unique<store>(context().get_executor(), near_->open_store());
    far_ = std::make_unique<far_domain>(*store_, the_setting().far);
    far_->reset();
    far_is_gone = false;
}

void two_domains::TearDown() {
    if (!far_)
        return;
    EXPECT_EQ(far_->reset(), 0U) << "pages left over in the far domain";
    near_->retry_quarantine();
    EXPECT_EQ(near_->accounts().granted(), 0U);
    EXPECT_EQ(near_->accounts().mapped(), 0U);
    EXPECT_EQ(near_->accounts().quarantined(), 0U);
}

std::string two_domains::text(std::span<const std::byte> bytes, std::size_t length) {
    return {reinterpret_cast<const char*>(bytes.data()), length};
}

void two_domains::put(std::span<std::byte> bytes, std::string_view what) {
    std::memcpy(bytes.data(), what.data(), what.size());
}

bool eventually(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

} // namespace xenring::conformance
