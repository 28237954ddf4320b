// What a stream has cost so far.
#pragma once

#include <cstdint>

namespace xenring::vchan {

/// Counts since the stream was opened.
struct statistics {
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t reads = 0;         ///< that moved at least one byte
    std::uint64_t writes = 0;        ///< ditto
    std::uint64_t notifications = 0; ///< events sent to the peer
    std::uint64_t sleeps = 0;     ///< times that waiting began, the peer being asked for an event
    std::uint64_t wakeups = 0;    ///< events that ended a sleep
    std::uint64_t spins_won = 0;  ///< spins that found what they were for
    std::uint64_t spins_lost = 0; ///< spins that ended in a sleep
    /// Times that a timer found bytes or space of which no event had told. A peer, or a kernel,
    /// that forgets to notify makes it grow; so does, now and then, a blocking call that had asked
    /// the store for its peer while the bytes came and were announced.
    std::uint64_t unannounced = 0;
};

} // namespace xenring::vchan
