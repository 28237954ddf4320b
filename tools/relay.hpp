// A vchan stream joined with standard input and output, without a buffer in between: bytes are read
// straight into the ring and written straight out of it.
#pragma once

#include "standard_streams.hpp"

#include <xenring/vchan/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>

namespace xenring::tools {

/// Why a relay ended; no error if the peer closed in order, or everything was sent and taken.
struct relay_end {
    error_code peer;
    error_code input;
    error_code output;
    bool peer_closed = false; ///< in order
    std::size_t untaken = 0;  ///< bytes that were sent, which a peer that closed did not take
};

class relay {
public:
    relay(vchan::stream& peer, borrowed_descriptor& input, borrowed_descriptor& output,
          bool close_when_taken);

    /// Runs both directions until the peer ends, input or output fails, or everything was taken if
    /// asked so.
    boost::asio::awaitable<relay_end> run();

    /// Ends both directions soon; run() then returns.
    void stop();

private:
    boost::asio::awaitable<void> send();
    boost::asio::awaitable<void> receive();
    boost::asio::awaitable<bool> pass_input();
    void finish_one();

    vchan::stream& peer_;
    borrowed_descriptor& input_;
    borrowed_descriptor& output_;
    boost::asio::steady_timer both_done_;
    relay_end end_;
    int running_ = 0;
    bool close_when_taken_;
    bool closing_ = false;
    bool stopped_ = false;
};

} // namespace xenring::tools
