/* Traffic that a program makes on a channel of any kind without ever sleeping in a read or a write,
 * so that whatever is measured does the same work. Times are microseconds. */
#ifndef XENRING_TESTS_XEN_TRAFFIC_H
#define XENRING_TESTS_XEN_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One end of a stream of bytes. write_now and read_now give how many bytes they moved, 0 if none
 * can be now, and less if the peer has left. wait sleeps until there is something to read or, if
 * nothing is wanted, until there is space to write to. */
struct traffic_end {
    void* channel;
    long (*write_now)(void* channel, const void* bytes, size_t size);
    long (*read_now)(void* channel, void* bytes, size_t size);
    void (*wait)(void* channel, bool wants_bytes);
};

/* Both ends do this at the same time: each sends `count` bytes in writes of at most `write_size`
 * and takes as many. Prints the sum of both ways. Gives an exit status. */
int traffic_both_ways(const struct traffic_end* end, uint64_t count, size_t write_size);

/* An open loop: `count` messages at `rate` a second, whether or not the earlier ones have come
 * back from the peer, which echoes. Each one's time runs from the moment at which it was due, not
 * from when it could be sent at last: a peer that stalls delays all that are due meanwhile. Polls,
 * for a sleep would be measured too. Prints percentiles. Gives an exit status. */
int traffic_open_loop(const struct traffic_end* end, double rate, uint64_t count, size_t size);

#ifdef __cplusplus
}
#endif

#endif
