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
    std::uint64_t sleeps = 0;        ///< times that waiting began, the peer being asked for an event
    std::uint64_t wakeups = 0;       ///< events that ended a sleep
    std::uint64_t spins_won = 0;     ///< spins that found what they were for
    std::uint64_t spins_lost = 0;    ///< spins that ended in a sleep
};

} // namespace xenring::vchan
