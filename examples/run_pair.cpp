// Runs two commands as domains 1 and 2 of a stand-in hypervisor; succeeds if both do and the second
// prints what is expected.
//
//     run_pair "COMMAND ..." "COMMAND ..." EXPECTED_LINE
#include <xenring/grant/local/server.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

namespace {

pid_t start(const std::string& command, const std::string& directory, int domid) {
    const auto hypervisor = "local:" + directory + "?domid=" + std::to_string(domid);
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("XENRING_HYPERVISOR", hypervisor.c_str(), 1);
        ::execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
        ::_exit(127);
    }
    return child;
}

bool succeeded(pid_t child) {
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool prints(const std::string& file, const std::string& expected) {
    std::ifstream output{file};
    for (std::string line; std::getline(output, line);) {
        std::cout << line << '\n';
        if (line == expected)
            return true;
    }
    return false;
}

int run(const std::string& first, const std::string& second, const std::string& expected,
        const std::string& directory) {
    const auto output = directory + "/output";
    boost::asio::io_context io;
    xenring::local::server server{io.get_executor(), directory};
    const pid_t one = start(first, directory, 1); // before there is a second thread
    const pid_t two = start(second + " > " + output, directory, 2);
    const auto working = boost::asio::make_work_guard(io);
    std::jthread hypervisor{[&] { io.run(); }};
    const bool two_good = succeeded(two); // both are waited for, whatever the first one says
    const bool good = succeeded(one) && two_good;
    io.stop();
    return good && prints(output, expected) ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4)
        return 2;
    auto name = (std::filesystem::temp_directory_path() / "run_pair.XXXXXX").string();
    if (!::mkdtemp(name.data()))
        return 1;
    int status = 1;
    try {
        status = run(argv[1], argv[2], argv[3], name);
    } catch (const std::exception& failure) {
        std::cerr << "run_pair: " << failure.what() << '\n';
    }
    std::filesystem::remove_all(name);
    return status;
}
