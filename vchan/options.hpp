// How a channel is opened.
#pragma once

#include <chrono>
#include <cstddef>

namespace xenring::vchan {

/// What connect(), listen() and acceptor may be told; a default is right for most. A plain value.
struct options {
    /// Waits without end.
    static constexpr std::chrono::steady_clock::duration forever =
        std::chrono::steady_clock::duration::max();

    /// Server: the ring from client to server holds at least this many bytes, at most 1 MiB.
    /// Rounded as libxenvchan does; 0 and 0 give its default, 1 KiB and 2 KiB within one page.
    /// A ring above 2 KiB takes granted pages, of which a Linux kernel has 1024 by default.
    std::size_t left_size = 64 * 1024;
    /// Server: the same for the ring from server to client.
    std::size_t right_size = 64 * 1024;

    /// The longest time to look at the ring again and again before sleeping. Adaptive: while
    /// spinning does not pay, less or nothing is spent on it. 0 turns it off; so does a single CPU
    /// that the peer's domain runs on as well.
    std::chrono::microseconds spin{50};

    /// Client: how long to wait for a server that is not there, or that serves another client.
    /// 0 tries once.
    std::chrono::steady_clock::duration wait{0};
};

} // namespace xenring::vchan
