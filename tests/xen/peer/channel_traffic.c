#include "channel.h"
#include "traffic.h"

#include <libxenvchan.h>

static long write_now(void* channel, const void* bytes, size_t size) {
    return libxenvchan_write(channel, bytes, size);
}

static long read_now(void* channel, void* bytes, size_t size) {
    return libxenvchan_read(channel, bytes, size);
}

/* One event channel serves both directions, and each call above has asked for its event. */
static void wait_for_event(void* channel, bool wants_bytes) {
    (void)wants_bytes;
    libxenvchan_wait(channel);
}

static struct traffic_end end_of(struct libxenvchan* channel) {
    channel->blocking = 0;
    return (struct traffic_end){channel, write_now, read_now, wait_for_event};
}

int channel_both_ways(struct libxenvchan* channel, uint64_t count, size_t write_size) {
    const struct traffic_end end = end_of(channel);
    const int status = traffic_both_ways(&end, count, write_size);
    channel_drain(channel);
    return status;
}

int channel_load(struct libxenvchan* channel, double rate, uint64_t count, size_t size) {
    const struct traffic_end end = end_of(channel);
    return traffic_open_loop(&end, rate, count, size);
}
