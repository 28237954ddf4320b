// A program that tests start as another process, and kill.
//
//     local_peer DIRECTORY DOMID hold OWNER REFERENCE OFFSET REMOTE_PORT
//         maps a page with an unmap notification through a port bound to REMOTE_PORT
//     local_peer DIRECTORY DOMID share PEER COUNT
//         grants pages, and says the first reference
//     local_peer DIRECTORY DOMID begin COUNT
//         starts transactions in the store
//     local_peer DIRECTORY DOMID serve
//         is the stand-in (DOMID means nothing)
//
// Says "ready" and a number when it has done so, and ends when its standard input does.
#include <xenring/grant/local.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <boost/asio/io_context.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using namespace xenring;

void ready(unsigned number) {
    std::printf("ready %u\n", number);
    std::fflush(stdout);
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

unsigned number(const char* text) {
    return static_cast<unsigned>(std::atoi(text));
}

void hold(hypervisor& machine, char** words) {
    const domid owner{static_cast<std::uint16_t>(number(words[0]))};
    const foreign_grant grant{owner, grant_ref{number(words[1])}};
    const auto channel = machine.open_event_channel();
    error_code ec;
    const auto bound = channel->bind_interdomain(owner, port{number(words[3])}, ec);
    throw_if(ec, "bind");
    const auto mapped = machine.map<access::read_write>(
        {&grant, 1}, {static_cast<std::uint16_t>(number(words[2])), bound});
    mapped.bytes()[0] = std::byte{42};
    ready(bound.value);
}

void share(hypervisor& machine, char** words) {
    const auto granted = machine.share(domid{static_cast<std::uint16_t>(number(words[0]))},
                                       number(words[1]), access::read_write);
    granted.bytes()[0] = std::byte{43};
    ready(granted.references()[0].value);
}

void begin(hypervisor& machine, char** words) {
    boost::asio::io_context io;
    store where{io.get_executor(), machine.open_store()};
    std::vector<store_transaction> open;
    while (open.size() != number(words[0]))
        open.push_back(where.begin());
    ready(number(words[0]));
}

void serve(const char* directory) {
    boost::asio::io_context io;
    local::server server{io.get_executor(), directory};
    std::printf("ready 0\n");
    std::fflush(stdout);
    io.run(); // until it is killed
}

int run(int count, char** words) {
    const std::string_view what = count > 3 ? words[3] : "";
    if (what == "serve") {
        serve(words[1]);
        return 0;
    }
    error_code ec;
    const auto machine =
        local::connect({words[1], domid{static_cast<std::uint16_t>(number(words[2]))}, {}, {}}, ec);
    throw_if(ec, "connect");
    if (what == "hold" && count == 8)
        hold(*machine, words + 4);
    else if (what == "share" && count == 6)
        share(*machine, words + 4);
    else if (what == "begin" && count == 5)
        begin(*machine, words + 4);
    else
        return 2;
    return 0;
}

} // namespace

int main(int count, char** words) {
    try {
        return run(count, words);
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "local_peer: %s\n", failed.what());
        return 1;
    }
}
