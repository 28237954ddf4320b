// conformance_agent [HYPERVISOR]: the far domain's side of the suite. Commands come through the
// store, which both domains have. A process that the suite had killed is started anew.
#include "agent.hpp"

#include <xenring/grant/store_watch.hpp>

#include <boost/asio/io_context.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

namespace {

using namespace xenring;
using namespace xenring::conformance;

std::string read_or_empty(store& where, const char* path) {
    error_code ec;
    auto value = where.read(path, ec);
    if (ec && ec != boost::system::errc::no_such_file_or_directory)
        throw_if(ec, path);
    return ec ? std::string{} : value;
}

/// The first word of a request or a generation, 0 if there is none.
std::uint32_t number_in(const std::string& value) {
    const auto parts = split(value);
    return parts.empty() ? 0 : number_of(parts[0]);
}

void serve(store& where, agent& hands) {
    auto watch = where.watch(request_path);
    // What is there already was for the process before this one.
    auto done = number_in(read_or_empty(where, request_path));
    where.write(generation_path,
                std::to_string(number_in(read_or_empty(where, generation_path)) + 1));
    for (;;) {
        watch.wait_for(std::chrono::hours{1});
        auto command = split(read_or_empty(where, request_path));
        if (command.empty() || number_of(command[0]) == done)
            continue;
        done = number_of(command[0]);
        command.erase(command.begin());
        const bool quit = command == words{"quit"};
        auto reply = quit ? words{"ok"} : hands.execute(command);
        reply.insert(reply.begin(), std::to_string(done));
        where.write(response_path, join(reply));
        if (quit)
            return;
    }
}

int run(const std::string& specification) {
    try {
        const auto machine = open_hypervisor(specification);
        std::cerr << "conformance_agent: " << machine->description() << std::endl;
        boost::asio::io_context io;
        store where{io.get_executor(), machine->open_store()};
        agent hands{machine, where};
        serve(where, hands);
        return 0;
    } catch (const std::exception& failure) {
        std::cerr << "conformance_agent: " << failure.what() << std::endl;
        return 1;
    }
}

} // namespace

int main(int argc, char** argv) {
    const std::string specification = argc > 1 ? argv[1] : "";
    for (;;) {
        const auto parent = ::getpid();
        const auto child = ::fork();
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::_exit(::getppid() == parent ? run(specification) : 1);
        }
        int status = 0;
        if (child < 0 || ::waitpid(child, &status, 0) != child)
            return 1;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
    }
}
