// The stand-in as a server, and programs of other processes that tests start and kill.
#pragma once

#include <xenring/grant/local.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace xenring::test {

/// A directory that goes when the test does.
class temporary_directory {
public:
    temporary_directory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "xenring-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error{"mkdtemp"};
        path_ = pattern;
    }
    ~temporary_directory() { std::filesystem::remove_all(path_); }

    std::string operator/(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// local_peer (see local_peer_main.cpp) with these words. Killed at the end if it still runs.
class peer_process {
public:
    explicit peer_process(std::vector<std::string> words) {
        int in[2], out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
            throw std::runtime_error{"pipe2"};
        words.insert(words.begin(), LOCAL_PEER);
        std::vector<char*> arguments;
        for (auto& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(in[0], STDIN_FILENO);
            ::dup2(out[1], STDOUT_FILENO);
            ::execv(LOCAL_PEER, arguments.data());
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        input_ = in[1];
        output_ = ::fdopen(out[0], "r");
    }
    ~peer_process() {
        kill();
        std::fclose(output_);
    }
    peer_process(const peer_process&) = delete;
    peer_process& operator=(const peer_process&) = delete;

    /// Waits until it is ready; returns the number that it says, -1 if it failed.
    int wait_ready() {
        int number = -1;
        return std::fscanf(output_, "ready %d", &number) == 1 ? number : -1;
    }
    /// SIGKILL.
    void kill() {
        if (pid_ > 0)
            ::kill(pid_, SIGKILL);
        wait();
    }
    /// Lets it end by itself.
    void finish() {
        if (input_ >= 0)
            ::close(std::exchange(input_, -1));
        wait();
    }

private:
    void wait() {
        if (pid_ > 0)
            ::waitpid(std::exchange(pid_, -1), nullptr, 0);
        if (input_ >= 0)
            ::close(std::exchange(input_, -1));
    }

    pid_t pid_ = -1;
    int input_ = -1;
    std::FILE* output_ = nullptr;
};

/// Whether a condition comes true; gives up only after very long.
template <class Condition>
bool eventually(Condition condition) {
    using namespace std::chrono;
    const auto end = steady_clock::now() + seconds{20};
    while (!condition()) {
        if (steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(milliseconds{2});
    }
    return true;
}

/// Whether a descriptor becomes readable.
inline bool becomes_readable(int descriptor) {
    pollfd question{descriptor, POLLIN, 0};
    return ::poll(&question, 1, 20000) == 1;
}

/// A stand-in served by a thread of this process. Nothing may be left over at the end.
class served_machine : public ::testing::Test {
protected:
    explicit served_machine(local::machine_options options = {})
        : server{io.get_executor(), directory, local::machine{std::move(options)}}, thread{[this] {
              io.run();
          }} {}
    ~served_machine() override {
        server.close();
        keep_running.reset();
        thread.join();
    }

    void TearDown() override {
        EXPECT_TRUE(eventually([this] { return statistics().left_over() == 0; }))
            << to_string(statistics());
    }

    std::shared_ptr<hypervisor> connect(domid domain, std::string fault = {}) const {
        error_code ec;
        auto connected = local::connect({directory, domain, std::move(fault), {}}, ec);
        EXPECT_FALSE(ec) << ec.message();
        return connected;
    }
    local::machine_statistics statistics() const { return local::control{directory}.statistics(); }

    temporary_directory parent;
    const std::string directory = parent / "run";
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running{
        io.get_executor()};
    local::server server;
    std::thread thread;
};

} // namespace xenring::test
