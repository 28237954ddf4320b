// tap_loop NAMESPACE INTERFACE NAMESPACE INTERFACE: makes a TAP in each of two network namespaces
// (paths, /proc/N/ns/net) and carries frames between them until it is killed: a read and a write
// for each frame, nothing between. No pair of programs with a TAP each can do better.
#include "pinned.hpp"

#include <xenring/net/tap.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <string>
#include <system_error>

namespace {

using namespace xenring;

struct end_point {
    std::unique_ptr<net::frame_port> port;
    int descriptor = -1;
};

void check(bool good, const std::string& what) {
    if (!good)
        throw std::system_error{errno, std::system_category(), what};
}

void enter(const std::string& network) {
    const int descriptor = ::open(network.c_str(), O_RDONLY | O_CLOEXEC);
    check(descriptor >= 0 && ::setns(descriptor, CLONE_NEWNET) == 0, network);
    ::close(descriptor);
}

end_point open_in(const std::string& network, const std::string& interface) {
    enter(network);
    net::tap_options options;
    options.name = interface;
    error_code ec;
    end_point made{net::open_tap(options, ec)};
    if (!ec)
        made.port->set_offloads({true, true, true, true}, ec);
    if (!ec)
        made.descriptor = made.port->open_queue(0, ec);
    if (ec)
        throw boost::system::system_error{ec, interface};
    made.port->set_carrier(true);
    return made;
}

[[noreturn]] void carry(int from, int to) {
    std::vector<std::byte> frame(net::max_frame_size);
    net::virtio_header header;
    for (;;) {
        error_code ec, lost;
        const auto size = net::read_frame(from, header, frame, ec);
        if (ec)
            throw boost::system::system_error{ec, "read"};
        if (size != 0) {
            net::write_frame(to, header, std::span{frame}.first(size), lost);
            continue;
        }
        pollfd readable{from, POLLIN, 0};
        check(::poll(&readable, 1, -1) >= 0, "poll");
    }
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 4)
        throw std::runtime_error{"usage: tap_loop NAMESPACE INTERFACE NAMESPACE INTERFACE"};
    const auto one = open_in(words[0], words[1]), other = open_in(words[2], words[3]);
    bench::use_cpu(0);
    const auto back = bench::beside([&] { carry(other.descriptor, one.descriptor); });
    carry(one.descriptor, other.descriptor);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "tap_loop: %s\n", wrong.what());
    return 1;
}
