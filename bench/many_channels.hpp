#pragma once

// Many channels on one io_context: on each a message there and back, again and again, and never
// more than one under way.

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

namespace xenring::bench {

using error = boost::system::error_code;

/// What the programs are told: listen|connect PEER_DOMID PATH CHANNELS ROUNDS SIZE.
struct many_arguments {
    bool listens;
    std::uint16_t peer;
    std::string path;
    std::size_t channels;
    std::uint64_t rounds; ///< of each channel
    std::size_t size;     ///< of a message

    many_arguments(int argc, char** argv) {
        if (argc != 7)
            throw std::runtime_error{"usage: listen|connect PEER_DOMID PATH CHANNELS ROUNDS SIZE"};
        listens = argv[1] == std::string{"listen"};
        peer = static_cast<std::uint16_t>(std::stoul(argv[2]));
        path = argv[3];
        channels = std::stoul(argv[4]);
        rounds = std::stoull(argv[5]);
        size = std::stoul(argv[6]);
    }
};

/// Sends back what comes on one channel, until it ends.
template <class Stream>
class answering {
public:
    answering(Stream& peer, std::size_t size) : peer_{peer}, room_(size) {}

    void begin() {
        peer_.async_read_some(boost::asio::buffer(room_), [this](error ec, std::size_t count) {
            if (!ec)
                answer(count);
        });
    }

private:
    void answer(std::size_t count) {
        boost::asio::async_write(peer_, boost::asio::buffer(room_, count),
                                 [this](error ec, std::size_t) {
                                     if (!ec)
                                         begin();
                                 });
    }

    Stream& peer_;
    std::vector<char> room_;
};

/// Asks on one channel, `rounds` times.
template <class Stream>
class asking {
public:
    asking(Stream& peer, std::size_t size, std::uint64_t rounds)
        : peer_{peer}, message_(size), rounds_{rounds} {}

    void begin() {
        if (rounds_-- == 0)
            return;
        boost::asio::async_write(peer_, boost::asio::buffer(message_),
                                 [this](error ec, std::size_t) { await_answer(ec); });
    }

private:
    void await_answer(error ec) {
        check(ec);
        boost::asio::async_read(peer_, boost::asio::buffer(message_),
                                [this](error failed, std::size_t) {
                                    check(failed);
                                    begin();
                                });
    }
    static void check(error ec) {
        if (ec)
            throw std::runtime_error{ec.message()};
    }

    Stream& peer_;
    std::vector<char> message_;
    std::uint64_t rounds_;
};

/// Answers on all channels until each has ended.
template <class Streams>
void answer_all(boost::asio::io_context& io, Streams& streams, std::size_t size) {
    std::deque<answering<typename Streams::value_type>> all;
    for (auto& each : streams)
        all.emplace_back(each, size).begin();
    io.run();
}

/// Asks on all channels and prints how many messages were answered in a second.
template <class Streams>
void ask_all(boost::asio::io_context& io, Streams& streams, const many_arguments& chosen) {
    std::deque<asking<typename Streams::value_type>> all;
    for (auto& each : streams)
        all.emplace_back(each, chosen.size, chosen.rounds);
    const auto began = std::chrono::steady_clock::now();
    for (auto& each : all)
        each.begin();
    io.run();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - began;
    std::printf("%.1f messages/s\n",
                static_cast<double>(chosen.rounds * streams.size()) / time.count());
}

/// Whoever starts the other side waits for this line.
inline void tell_ready() {
    std::puts("ready");
    std::fflush(stdout);
}

} // namespace xenring::bench
