#include <xenring/grant/blocking.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>

namespace xenring::detail::test {
namespace {

namespace asio = boost::asio;

/// Is there until a context destroys its services.
class witness_service final : public asio::execution_context::service {
public:
    using key_type = witness_service;
    static inline asio::execution_context::id id;

    witness_service(asio::execution_context& owner, bool& there)
        : asio::execution_context::service{owner}, there_{there} {
        there_ = true;
    }
    ~witness_service() override { there_ = false; }

private:
    void shutdown() override {}
    bool& there_;
};

TEST(blocking_service, AJobThatNeverRanIsDestroyedWhileTheContextsServicesAreThere) {
    bool there = false, destroyed = false, in_time = false, ran = false;
    {
        asio::io_context io;
        blocking_service::of(io.get_executor()).stop();
        asio::make_service<witness_service>(io, there);
        const std::shared_ptr<void> held{nullptr, [&](void*) {
                                             destroyed = true;
                                             in_time = there;
                                         }};
        run_blocking(
            io.get_executor(), [&ran, held] { ran = true; }, [held] {});
    }
    EXPECT_TRUE(destroyed);
    EXPECT_TRUE(in_time);
    EXPECT_FALSE(ran);
}

} // namespace
} // namespace xenring::detail::test
