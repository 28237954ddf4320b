// channel_bench pipe|unix flood|both BYTES WRITE_SIZE BUFFER_SIZE: prints the speed of a stream
// between two processes, one way or both ways at once. channel_bench pipe|unix ping SIZE ROUNDS, or
// load SIZE COUNT RATE: prints round trips, one after another or in an open loop.
//
// What the kernel offers to two processes of one machine: the same work as libxenvchan_peer's, with
// the same output.
#include "../tests/xen/peer/traffic.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

/// One end: what it reads from and writes to.
struct end {
    int in = -1, out = -1;

    std::size_t read_some(std::vector<char>& bytes) const {
        const auto size = ::read(in, bytes.data(), bytes.size());
        if (size < 0)
            fail("read");
        return static_cast<std::size_t>(size);
    }
    void read_all(std::vector<char>& bytes) const {
        for (std::size_t at = 0; at != bytes.size();) {
            const auto size = ::read(in, bytes.data() + at, bytes.size() - at);
            if (size <= 0)
                fail("read");
            at += static_cast<std::size_t>(size);
        }
    }
    void write_all(const std::vector<char>& bytes, std::size_t count) const {
        for (std::size_t at = 0; at != count;) {
            const auto size = ::write(out, bytes.data() + at, count - at);
            if (size < 0)
                fail("write");
            at += static_cast<std::size_t>(size);
        }
    }
    /// What traffic.h asks of an end.
    traffic_end without_blocking() {
        for (const int each : {in, out})
            if (::fcntl(each, F_SETFL, ::fcntl(each, F_GETFL) | O_NONBLOCK) != 0)
                fail("O_NONBLOCK");
        return {this,
                [](void* self, const void* bytes, std::size_t size) {
                    return outcome(::write(static_cast<end*>(self)->out, bytes, size));
                },
                [](void* self, void* bytes, std::size_t size) {
                    return outcome(::read(static_cast<end*>(self)->in, bytes, size));
                },
                [](void* self, bool wants_bytes) { static_cast<end*>(self)->wait(wants_bytes); }};
    }
    void close() const {
        ::close(in);
        if (out != in)
            ::close(out);
    }

private:
    static long outcome(ssize_t count) {
        if (count < 0)
            return errno == EAGAIN ? 0 : -1;
        return count;
    }
    void wait(bool wants_bytes) const {
        pollfd each = {wants_bytes ? in : out, static_cast<short>(wants_bytes ? POLLIN : POLLOUT),
                       0};
        ::poll(&each, 1, -1);
    }
};

struct two_ends {
    end here, there;
};

two_ends open_pipes(int buffer) {
    int to[2], from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0)
        fail("pipe");
    if (buffer > 0 && ::fcntl(to[1], F_SETPIPE_SZ, buffer) < 0)
        fail("the size of a pipe");
    return {{from[0], to[1]}, {to[0], from[1]}};
}

two_ends open_sockets(int buffer) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        fail("socketpair");
    if (buffer > 0 && ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) != 0)
        fail("the size of a socket's buffer");
    return {{ends[0], ends[0]}, {ends[1], ends[1]}};
}

void sink(const end& peer) {
    std::vector<char> bytes(65536);
    steady_clock::time_point first;
    std::uint64_t count = 0;
    while (const auto size = peer.read_some(bytes)) {
        if (count == 0)
            first = steady_clock::now();
        count += size;
    }
    const std::chrono::duration<double, std::micro> time = steady_clock::now() - first;
    std::printf("%ju %.2f MB/s\n", static_cast<std::uintmax_t>(count),
                static_cast<double>(count) / time.count());
}

void flood(const end& peer, std::uint64_t count, std::size_t write_size) {
    const std::vector<char> bytes(write_size);
    for (; count > 0; count -= std::min<std::uint64_t>(count, write_size))
        peer.write_all(bytes, static_cast<std::size_t>(std::min<std::uint64_t>(count, write_size)));
}

void echo(const end& peer, std::size_t size, std::uint64_t rounds) {
    std::vector<char> bytes(size);
    for (; rounds != 0; --rounds) {
        peer.read_all(bytes);
        peer.write_all(bytes, size);
    }
}

void echo_all(const end& peer) {
    std::vector<char> bytes(65536);
    while (const auto size = peer.read_some(bytes))
        peer.write_all(bytes, size);
}

void both_ways(end peer, std::uint64_t count, std::size_t write_size) {
    const auto here = peer.without_blocking();
    if (traffic_both_ways(&here, count, write_size) != 0)
        throw std::runtime_error{"no figure"};
}

void load(end peer, std::size_t size, std::uint64_t count, double rate) {
    const auto here = peer.without_blocking();
    if (traffic_open_loop(&here, rate, count, size) != 0)
        throw std::runtime_error{"no figure"};
}

void ping(const end& peer, std::size_t size, std::uint64_t rounds) {
    std::vector<char> bytes(size);
    std::vector<double> times;
    for (; rounds != 0; --rounds) {
        const auto began = steady_clock::now();
        peer.write_all(bytes, size);
        peer.read_all(bytes);
        times.push_back(
            std::chrono::duration<double, std::micro>{steady_clock::now() - began}.count());
    }
    std::ranges::sort(times);
    const auto part = [&](double share) {
        return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
    };
    std::printf("%.2f us median, %.2f us shortest, %.2f us p99, %.2f us p99.9\n", part(0.5),
                times.front(), part(0.99), part(0.999));
}

void run_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0)
        fail("sched_setaffinity");
}

/// Runs one function here and the other in a process of its own, each with its end alone and on a
/// CPU of its own.
template <class Here, class There>
void between(const two_ends& ends, Here here, There there) {
    const pid_t other = ::fork();
    if (other < 0)
        fail("fork");
    if (other == 0) {
        run_on(1);
        ends.here.close();
        there(ends.there);
        std::fflush(stdout);
        ::_exit(0);
    }
    run_on(0);
    ends.there.close();
    here(ends.here);
    ends.here.close();
    int status = 0;
    if (::waitpid(other, &status, 0) != other || status != 0)
        throw std::runtime_error{"the other process failed"};
}

/// Does what the words say; the figure is printed by one of the two.
void run(const std::vector<std::string>& words) {
    const auto& what = words.at(1);
    const auto first = std::stoull(words.at(2)), second = std::stoull(words.at(3));
    const bool streams = what == "flood" || what == "both";
    const int buffer = streams ? std::stoi(words.at(4)) : 0;
    const auto ends = words.at(0) == "pipe" ? open_pipes(buffer) : open_sockets(buffer);
    if (what == "flood")
        between(
            ends, [&](const end& to) { flood(to, first, second); },
            [](const end& from) { sink(from); });
    else if (what == "both")
        between(
            ends, [&](const end& to) { both_ways(to, first, second); },
            [&](const end& from) {
                if (!std::freopen("/dev/null", "w", stdout))
                    fail("/dev/null");
                both_ways(from, first, second);
            });
    else if (what == "load")
        between(
            ends, [&](const end& to) { load(to, first, second, std::stod(words.at(4))); },
            [](const end& from) { echo_all(from); });
    else
        between(
            ends, [&](const end& to) { ping(to, first, second); },
            [&](const end& from) { echo(from, first, second); });
}

bool are_known(const std::vector<std::string>& words) {
    if (words.size() < 2 || (words[0] != "pipe" && words[0] != "unix"))
        return false;
    const auto& what = words[1];
    if (what == "flood" || what == "both" || what == "load")
        return words.size() == 5;
    return what == "ping" && words.size() == 4;
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!are_known(words))
        throw std::runtime_error{
            "usage: channel_bench pipe|unix flood|both BYTES WRITE_SIZE BUFFER_SIZE\n"
            "       channel_bench pipe|unix ping SIZE ROUNDS\n"
            "       channel_bench pipe|unix load SIZE COUNT RATE"};
    run(words);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "channel_bench: %s\n", wrong.what());
    return 1;
}
