/* What libxenvchan_peer does on an open channel: one function for each action. All of them print
 * their result on standard output, and their complaints on standard error, and return an exit
 * status. They take a channel that blocks. */
#ifndef XENRING_TESTS_XEN_CHANNEL_H
#define XENRING_TESTS_XEN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct libxenvchan;

/* Standard input goes to the peer, what the peer sends goes to standard output, until the peer
 * closes. With `close_at_end` also until standard input ended and the peer has taken every byte of
 * it. */
int channel_pipe(struct libxenvchan* channel, bool close_at_end);

/* Sends `count` bytes of the pattern in writes of `write_size` bytes; waits until the peer took
 * them. */
int channel_send(struct libxenvchan* channel, uint64_t count, uint64_t seed, size_t write_size);

/* Receives until the peer closes; prints count, digest and MB/s since the first byte. */
int channel_receive(struct libxenvchan* channel);

/* For figures of the channel alone: one buffer again and again, and a receiver that looks at
 * nothing. */
int channel_flood(struct libxenvchan* channel, uint64_t count, size_t write_size);
int channel_sink(struct libxenvchan* channel);

/* The pattern with libxenvchan_send and _recv: packets of exactly `size` bytes. */
int channel_send_packets(struct libxenvchan* channel, size_t size, uint64_t count, uint64_t seed);
int channel_receive_packets(struct libxenvchan* channel, size_t size, uint64_t count);

/* Waits until the peer has taken every byte. One that closes meanwhile has taken everything that it
 * wanted. */
void channel_drain(struct libxenvchan* channel);

/* Sends back what comes, until the peer closes. */
int channel_echo(struct libxenvchan* channel);

/* Sends `size` bytes and waits for their echo, `rounds` times; prints the median and the shortest.
 */
int channel_ping(struct libxenvchan* channel, size_t size, uint64_t rounds);

/* See traffic.h. */
int channel_both_ways(struct libxenvchan* channel, uint64_t count, size_t write_size);
int channel_load(struct libxenvchan* channel, double rate, uint64_t count, size_t size);

/* In step with a partner at the other end, over standard input and output: a byte on one side's
 * output when it has done its part, before the other begins its own. So one writes only when the
 * other has read, and reads only what is there: what is asked for and sent beyond that shows. */
int channel_step_send(struct libxenvchan* channel, size_t size, uint64_t count);
int channel_step_receive(struct libxenvchan* channel, uint64_t count);

/* Prints the fields of the control page, one a line. */
int channel_dump(const struct libxenvchan* channel);

#endif
