// What libxenvchan_peer does for figures, on our own stream: same words, same output, so that the
// lab can put one in the other's place.
#include "xenring_traffic.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/vchan/stream.hpp>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t chunk_size = 65536;
constexpr std::size_t in_place_size = 8192; // the writer goes on while we look at the rest

struct arguments {
    std::uint16_t peer = 0;
    std::string path;
    std::string ring = "0";
    unsigned wait = 0;
    std::chrono::microseconds::rep spin = xenring::vchan::options{}.spin.count();
    bool events = false;
    std::string action;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    double rate = 1;
};

double microseconds(steady_clock::duration time) {
    return std::chrono::duration<double, std::micro>{time}.count();
}

void flood(xenring::vchan::stream& peer, std::uint64_t count, std::size_t write_size) {
    const std::vector<char> bytes(write_size);
    for (; count > 0; count -= std::min<std::uint64_t>(count, write_size))
        asio::write(peer, asio::buffer(bytes, static_cast<std::size_t>(count)));
    peer.drain();
}

void sink(xenring::vchan::stream& peer) {
    std::vector<char> bytes(chunk_size);
    steady_clock::time_point first;
    std::uint64_t count = 0;
    xenring::error_code ec;
    for (std::size_t size; size = peer.read_some(asio::buffer(bytes), ec), !ec; count += size) {
        if (count == 0)
            first = steady_clock::now();
    }
    if (ec != asio::error::eof)
        throw xenring::error{ec, "sink"};
    std::printf("%ju %.2f MB/s\n", static_cast<std::uintmax_t>(count),
                static_cast<double>(count) / microseconds(steady_clock::now() - first));
}

/// Looks at what comes in place, where it is added up: no copy on this side.
void sink_spans(xenring::vchan::stream& peer) {
    steady_clock::time_point first;
    std::uint64_t count = 0, sum = 0;
    xenring::error_code ec;
    for (;;) {
        const auto spans = peer.data(ec);
        if (ec == asio::error::would_block) {
            peer.wait(xenring::vchan::wait_type::read, ec);
            continue;
        }
        if (ec)
            break;
        if (count == 0)
            first = steady_clock::now();
        const auto piece = spans.first.first(std::min(spans.first.size(), in_place_size));
        for (std::size_t at = 0; at < piece.size(); at += 64) // each cache line once
            sum += std::to_integer<std::uint64_t>(piece[at]);
        count += piece.size();
        peer.consume(piece.size());
    }
    if (ec != asio::error::eof)
        throw xenring::error{ec, "sink-spans"};
    std::printf("%ju %.2f MB/s sum %ju\n", static_cast<std::uintmax_t>(count),
                static_cast<double>(count) / microseconds(steady_clock::now() - first),
                static_cast<std::uintmax_t>(sum));
}

void echo(xenring::vchan::stream& peer) {
    std::vector<char> bytes(chunk_size);
    xenring::error_code ec;
    for (std::size_t size; size = peer.read_some(asio::buffer(bytes), ec), !ec;)
        asio::write(peer, asio::buffer(bytes, size));
}

void ping(xenring::vchan::stream& peer, std::size_t size, std::uint64_t rounds) {
    std::vector<char> bytes(size);
    std::vector<double> times;
    while (times.size() < rounds) {
        const auto began = steady_clock::now();
        asio::write(peer, asio::buffer(bytes));
        asio::read(peer, asio::buffer(bytes));
        times.push_back(microseconds(steady_clock::now() - began));
    }
    std::sort(times.begin(), times.end());
    const auto part = [&](double share) {
        return times.at(static_cast<std::size_t>(share * static_cast<double>(times.size() - 1)));
    };
    std::printf("%.2f us median, %.2f us shortest, %.2f us p99, %.2f us p99.9\n", part(0.5),
                times.front(), part(0.99), part(0.999));
}

bool tell_partner() {
    return std::putchar('.') != EOF && std::fflush(stdout) == 0;
}

void step_send(xenring::vchan::stream& peer, std::size_t size, std::uint64_t count) {
    const std::vector<char> bytes(size);
    for (; count > 0; --count) {
        asio::write(peer, asio::buffer(bytes));
        if (!tell_partner() || std::getchar() == EOF)
            throw std::runtime_error{"the partner is gone"};
    }
}

void step_receive(xenring::vchan::stream& peer, std::uint64_t count) {
    std::vector<char> bytes(chunk_size);
    for (; count > 0; --count) {
        if (std::getchar() == EOF)
            throw std::runtime_error{"the partner is gone"};
        peer.read_some(asio::buffer(bytes));
        if (!tell_partner())
            throw std::runtime_error{"the partner is gone"};
    }
}

void act(xenring::vchan::stream& peer, const arguments& chosen) {
    if (chosen.action == "flood")
        flood(peer, chosen.first, static_cast<std::size_t>(chosen.second));
    else if (chosen.action == "ping")
        ping(peer, static_cast<std::size_t>(chosen.first), chosen.second);
    else if (chosen.action == "both")
        both_ways(peer, chosen.first, static_cast<std::size_t>(chosen.second));
    else if (chosen.action == "load")
        load(peer, chosen.rate, chosen.second, static_cast<std::size_t>(chosen.first));
    else if (chosen.action == "echo")
        echo(peer);
    else if (chosen.action == "step-send")
        step_send(peer, static_cast<std::size_t>(chosen.first), chosen.second);
    else if (chosen.action == "step-receive")
        step_receive(peer, chosen.first);
    else if (chosen.action == "sink-spans")
        sink_spans(peer);
    else
        sink(peer);
}

void run(const arguments& chosen, bool server) {
    asio::io_context io;
    const xenring::domain here{io.get_executor()};
    xenring::vchan::stream peer{here};
    xenring::vchan::options options;
    options.left_size = std::stoul(chosen.ring);
    options.right_size = std::stoul(chosen.ring.substr(chosen.ring.find(':') + 1));
    options.spin = std::chrono::microseconds{chosen.spin};
    options.wait = std::chrono::seconds{chosen.wait};
    const xenring::domid other{chosen.peer};
    if (server)
        peer.listen(other, chosen.path, options);
    else
        peer.connect(other, chosen.path, options);
    act(peer, chosen);
    peer.close();
    if (chosen.events) // one more for the close, and one for connecting: streams do not count these
        std::fprintf(stderr, "%ju events\n",
                     static_cast<std::uintmax_t>(peer.stats().notifications + (server ? 1 : 2)));
}

/// Opens many channels one after the other and keeps them; a server until standard input ends.
void open_many(const arguments& chosen, bool server) {
    asio::io_context io;
    const xenring::domain here{io.get_executor()};
    std::vector<xenring::vchan::stream> all;
    xenring::vchan::options options;
    options.left_size = options.right_size = 0;
    const auto began = steady_clock::now();
    for (std::uint64_t i = 0; i != chosen.first; ++i) {
        const auto path = chosen.path + '/' + std::to_string(i);
        auto& peer = all.emplace_back(here);
        if (server)
            peer.listen(xenring::domid{chosen.peer}, path, options);
        else
            peer.connect(xenring::domid{chosen.peer}, path, options);
    }
    std::printf("%.2f us\n",
                microseconds(steady_clock::now() - began) / static_cast<double>(chosen.first));
    std::fflush(stdout);
    while (server && std::getchar() != EOF)
        continue;
}

void add_many(CLI::App& app, arguments& chosen, const char* name, bool server) {
    auto* command = app.add_subcommand(name);
    command->add_option("PEER_DOMID", chosen.peer)->required();
    command->add_option("PATH", chosen.path)->required();
    command->add_option("COUNT", chosen.first)->required();
    command->callback([&chosen, server] { open_many(chosen, server); });
}

void add_command(CLI::App& app, arguments& chosen, const char* name, bool server) {
    auto* command = app.add_subcommand(name);
    command->add_option("--ring", chosen.ring, "LEFT[:RIGHT], bytes");
    command->add_option("--wait", chosen.wait, "Seconds");
    command->add_option("--spin", chosen.spin, "Microseconds");
    command->add_flag("--events", chosen.events, "Tell how many events were sent");
    command->add_option("PEER_DOMID", chosen.peer)->required();
    command->add_option("PATH", chosen.path)->required();
    command->add_option("ACTION", chosen.action)
        ->required()
        ->check(CLI::IsMember{{"flood", "sink", "sink-spans", "both", "echo", "ping", "load",
                               "step-send", "step-receive"}});
    command->add_option("FIRST", chosen.first, "flood, both: bytes; ping, load: size");
    command->add_option("SECOND", chosen.second,
                        "flood, both: size of a write; ping, load: rounds");
    command->add_option("RATE", chosen.rate, "load: messages a second");
    command->callback([&chosen, server] { run(chosen, server); });
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"xenring_peer: figures of a vchan stream"};
    app.require_subcommand(1);
    arguments chosen;
    add_command(app, chosen, "listen", true);
    add_command(app, chosen, "connect", false);
    add_many(app, chosen, "listen-many", true);
    add_many(app, chosen, "connect-many", false);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "xenring_peer: %s\n", failure.what());
        return 1;
    }
}
