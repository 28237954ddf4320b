// The vchan half of the demo, client: times 64-byte round trips, then sends the stream.
#include "pattern.hpp"
#include "roles.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/vchan/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

namespace xenring::tools::demo {
namespace {

using clock = std::chrono::steady_clock;

double microseconds(clock::duration time) {
    return std::chrono::duration<double, std::micro>{time}.count();
}

bool time_round_trips(vchan::stream& peer, reporter& report, std::uint64_t count) {
    const pattern bytes{9};
    std::vector<double> times;
    times.reserve(count);
    std::array<std::byte, ping_size> answer;
    bool same = true;
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto ping = bytes.at(i * ping_size, ping_size);
        const auto begin = clock::now();
        boost::asio::write(peer, boost::asio::buffer(ping.data(), ping.size()));
        boost::asio::read(peer, boost::asio::buffer(answer));
        times.push_back(microseconds(clock::now() - begin));
        same = same && std::ranges::equal(ping, answer);
    }
    std::ranges::sort(times);
    report.progress("vchan:_round_trips", 1, 1);
    report.figure("round_trips", static_cast<double>(count));
    report.figure("round_trip_p50", times[times.size() / 2]);
    report.figure("round_trip_p99", times[times.size() * 99 / 100]);
    return same;
}

void send_all(vchan::stream& peer, std::uint64_t total) {
    const pattern bytes{42};
    for (std::uint64_t sent = 0; sent < total;) {
        const auto left = std::min<std::uint64_t>(total - sent, pattern::largest);
        const auto part = bytes.at(sent, static_cast<std::size_t>(left));
        sent += boost::asio::write(peer, boost::asio::buffer(part.data(), part.size()));
    }
    peer.drain();
}

} // namespace

bool send_stream(const plan& work, reporter& report) {
    boost::asio::io_context io;
    vchan::stream peer{domain{io.get_executor(), specification(work, frontend_domid)}};
    vchan::options options;
    options.wait = std::chrono::seconds{10};
    peer.connect(domid{backend_domid}, channel_name, options);
    const bool same = time_round_trips(peer, report, work.round_trips);
    const auto events_before = peer.stats().notifications;
    const auto begin = clock::now();
    send_all(peer, work.stream_bytes);
    const std::chrono::duration<double> took = clock::now() - begin;
    peer.close();
    report.figure("stream_seconds", took.count());
    report.figure("stream_frontend_events",
                  static_cast<double>(peer.stats().notifications - events_before));
    return same;
}

} // namespace xenring::tools::demo
