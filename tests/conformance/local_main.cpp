// conformance_local --agent PROGRAM [GoogleTest's options]: the suite on the stand-in. The stand-in
// runs on a thread of this process; the far domain is a process of its own.
#include "two_domains.hpp"

#include <xenring/grant/local/server.hpp>

#include <boost/asio/io_context.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <optional>
#include <spawn.h>
#include <thread>

namespace {

using namespace xenring;

constexpr domid far_domid{1};

class stand_in : public ::testing::Environment {
public:
    explicit stand_in(std::string agent) : agent_{std::move(agent)} {}

    void SetUp() override {
        directory_ = "/tmp/xenring-conformance-XXXXXX";
        ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
        context_.restart();
        server_.emplace(context_.get_executor(), directory_);
        thread_ = std::thread{[this] { context_.run(); }};
        start_agent();
        auto& here = conformance::the_setting();
        here.near_specification = "local:" + directory_ + "?domid=0";
        here.far = far_domid;
        here.destroy_far = [this] { server_->served().destroy(far_domid); };
    }

    void TearDown() override {
        ::kill(agent_id_, SIGKILL); // its child goes with it
        ::waitpid(agent_id_, nullptr, 0);
        // It takes the stand-in a moment to notice; then nothing may be left of anybody.
        const auto machine = server_->served();
        EXPECT_TRUE(conformance::eventually([&] { return machine.statistics().left_over() == 0; }))
            << to_string(machine.statistics());
        context_.stop();
        thread_.join();
        server_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

private:
    void start_agent() {
        auto specification = "local:" + directory_ + "?domid=" + std::to_string(far_domid.value);
        char* const arguments[]{agent_.data(), specification.data(), nullptr};
        ASSERT_EQ(::posix_spawn(&agent_id_, agent_.c_str(), nullptr, nullptr, arguments, environ),
                  0)
            << agent_;
    }

    std::string agent_;
    std::string directory_;
    boost::asio::io_context context_;
    std::optional<local::server> server_;
    std::thread thread_;
    pid_t agent_id_ = -1;
};

} // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (argc == 3 && std::string_view{argv[1]} == "--agent") {
        ::testing::AddGlobalTestEnvironment(new stand_in{argv[2]});
    } else if (!::testing::GTEST_FLAG(list_tests)) {
        std::cerr << "usage: conformance_local --agent PROGRAM\n";
        return 2;
    }
    return RUN_ALL_TESTS();
}
