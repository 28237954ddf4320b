#include "relay.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace xenring::tools {
namespace asio = boost::asio;
namespace {

constexpr std::size_t chunk = 1 << 16;

template <class Spans>
std::array<iovec, 2> as_iovec(const Spans& spans) {
    const auto one = [](auto span) {
        return iovec{const_cast<std::byte*>(span.data()), span.size()};
    };
    return {one(spans.first), one(spans.second)};
}

} // namespace

relay::relay(vchan::stream& peer, borrowed_descriptor& input, borrowed_descriptor& output,
             bool close_when_taken)
    : peer_{peer}, input_{input}, output_{output},
      both_done_{peer.get_executor(), asio::steady_timer::time_point::max()},
      close_when_taken_{close_when_taken} {}

asio::awaitable<relay_end> relay::run() {
    running_ = 2;
    input_.renew();
    output_.renew();
    asio::co_spawn(co_await asio::this_coro::executor, send(), asio::detached);
    asio::co_spawn(co_await asio::this_coro::executor, receive(), asio::detached);
    error_code ignored; // the timer only ever ends by being cancelled
    while (running_ > 0)
        co_await both_done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (end_.peer_closed) // only now, for send() may have been about to commit
        end_.untaken = peer_.write_capacity() - peer_.writable();
    co_return end_;
}

void relay::stop() {
    stopped_ = true;
    peer_.cancel();
    input_.cancel();
    output_.cancel();
}

void relay::finish_one() {
    --running_;
    both_done_.cancel();
}

asio::awaitable<void> relay::send() {
    const bool at_end = co_await pass_input();
    if (end_.input)
        stop(); // receive() may have nothing to do until the peer ends
    if (at_end && close_when_taken_ && !stopped_) {
        error_code ec;
        co_await peer_.async_drain(asio::redirect_error(asio::use_awaitable, ec));
        closing_ = true; // receive() delivers what is there and waits for nothing more
        peer_.cancel();
    }
    finish_one();
}

/// True at the end of standard input; false if the peer or the input failed.
asio::awaitable<bool> relay::pass_input() {
    while (!stopped_) {
        error_code ec;
        co_await peer_.async_wait(vchan::wait_type::write,
                                  asio::redirect_error(asio::use_awaitable, ec));
        if (ec)
            co_return false; // receive() meets the same end and tells it
        const auto space = peer_.prepare(chunk, ec);
        if (ec)
            co_return false;
        const auto count = co_await read_some(input_, as_iovec(space), ec);
        if (ec && !stopped_)
            end_.input = ec;
        if (ec || count == 0)
            co_return !ec;
        peer_.commit(count);
    }
    co_return false;
}

asio::awaitable<void> relay::receive() {
    while (!stopped_) {
        error_code ec;
        if (!closing_)
            co_await peer_.async_wait(vchan::wait_type::read,
                                      asio::redirect_error(asio::use_awaitable, ec));
        const auto bytes = peer_.data(ec);
        if (ec == asio::error::would_block && !closing_)
            continue;
        if (ec == asio::error::would_block)
            break;
        if (ec) {
            end_.peer_closed = ec == asio::error::eof;
            if (!end_.peer_closed && !stopped_)
                end_.peer = ec;
            break;
        }
        const auto count = co_await write_some(output_, as_iovec(bytes), ec);
        if (ec) {
            if (!stopped_)
                end_.output = ec;
            break;
        }
        peer_.consume(count);
    }
    stop(); // send() may be waiting for input that no one will take
    finish_one();
}

} // namespace xenring::tools
