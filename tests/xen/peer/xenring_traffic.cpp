#include "traffic.h"
#include "xenring_traffic.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <stdexcept>

namespace asio = boost::asio;
using xenring::vchan::stream;
using xenring::vchan::wait_type;

namespace {

long outcome(std::size_t count, const xenring::error_code& ec) {
    if (ec)
        return ec == asio::error::would_block ? 0 : -1;
    return static_cast<long>(count);
}

long write_now(void* channel, const void* bytes, std::size_t size) {
    xenring::error_code ec;
    const auto count = static_cast<stream*>(channel)->write_some(asio::buffer(bytes, size), ec);
    return outcome(count, ec);
}

long read_now(void* channel, void* bytes, std::size_t size) {
    xenring::error_code ec;
    const auto count = static_cast<stream*>(channel)->read_some(asio::buffer(bytes, size), ec);
    return outcome(count, ec);
}

void wait(void* channel, bool wants_bytes) {
    auto& peer = *static_cast<stream*>(channel);
    xenring::error_code ec; // the next read or write says it again
    peer.non_blocking(false);
    peer.wait(wants_bytes ? wait_type::read : wait_type::write, ec);
    peer.non_blocking(true);
}

template <class Traffic>
void run(stream& peer, Traffic traffic) {
    const traffic_end end{&peer, write_now, read_now, wait};
    peer.non_blocking(true);
    if (traffic(&end) != 0)
        throw std::runtime_error{"no figure"};
    peer.non_blocking(false);
    peer.drain();
}

} // namespace

void both_ways(stream& peer, std::uint64_t count, std::size_t write_size) {
    run(peer, [=](const traffic_end* end) { return traffic_both_ways(end, count, write_size); });
}

void load(stream& peer, double rate, std::uint64_t count, std::size_t size) {
    run(peer, [=](const traffic_end* end) { return traffic_open_loop(end, rate, count, size); });
}
