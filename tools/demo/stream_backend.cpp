// The vchan half of the demo, server: echoes the pings, then checks every byte of the stream.
#include "pattern.hpp"
#include "roles.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/vchan/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>

namespace xenring::tools::demo {
namespace {

void echo(vchan::stream& peer, std::uint64_t count) {
    std::array<std::byte, ping_size> message;
    for (std::uint64_t i = 0; i < count; ++i) {
        boost::asio::read(peer, boost::asio::buffer(message));
        boost::asio::write(peer, boost::asio::buffer(message));
    }
}

void await_client(boost::asio::io_context& io, vchan::stream& peer) {
    error_code result = errc::timed_out;
    peer.async_wait(vchan::wait_type::connected, [&](error_code ec) { result = ec; });
    io.run_for(std::chrono::seconds{10});
    throw_if(result, "wait for the frontend to connect");
}

/// Reads in place, straight from the ring, to the peer's end. Returns how many bytes were right.
std::uint64_t check(vchan::stream& peer, reporter& report, std::uint64_t total) {
    const pattern expected{42};
    std::uint64_t right = 0;
    std::uint64_t shown = 0;
    for (;;) {
        error_code ec;
        peer.wait(vchan::wait_type::read, ec);
        const auto bytes = peer.data(ec);
        if (ec == boost::asio::error::would_block)
            continue;
        if (ec && ec != boost::asio::error::eof)
            throw error{ec, "receive the stream"};
        if (ec)
            return right;
        for (const auto part : {bytes.first, bytes.second}) {
            if (!expected.matches(right, part))
                return right;
            right += part.size();
        }
        peer.consume(bytes.size());
        if (right - shown > total / 50) {
            shown = right;
            report.progress("vchan:_bytes_verified", static_cast<double>(right),
                            static_cast<double>(total));
        }
    }
}

} // namespace

bool receive_stream(const plan& work, reporter& report) {
    boost::asio::io_context io;
    vchan::stream peer{domain{io.get_executor(), specification(work, backend_domid)}};
    vchan::options options;
    options.left_size = options.right_size = std::size_t{1} << 18;
    peer.listen(domid{frontend_domid}, channel_name, options);
    await_client(io, peer);
    echo(peer, work.round_trips);
    const auto events_before = peer.stats().notifications;
    const auto right = check(peer, report, work.stream_bytes);
    const auto total = static_cast<double>(work.stream_bytes);
    report.progress("vchan:_bytes_verified", total, total);
    report.figure("stream_verified", static_cast<double>(right));
    report.figure("stream_backend_events",
                  static_cast<double>(peer.stats().notifications - events_before));
    return right == work.stream_bytes;
}

} // namespace xenring::tools::demo
