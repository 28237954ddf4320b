/* What goes through the rings that are measured: the slots of netif's two rings, and one as large
 * as blkif's. In C for both languages, so that each subject does the same work on a message.
 *
 * KIND_fill    writes the request of a number, as a front does
 * KIND_answer  writes the response to a request after a look at its fields, as a back does
 * KIND_value   what a front reads of a response */
#ifndef XENRING_BENCH_MESSAGES_H
#define XENRING_BENCH_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

/* netif's transmit ring */
struct tx_request {
    uint32_t gref;
    uint16_t offset, flags, id, size;
};
struct tx_response {
    uint16_t id;
    int16_t status;
};

static inline void tx_fill(struct tx_request* to, uint64_t number) {
    to->gref = (uint32_t)number;
    to->offset = 64;
    to->flags = 1;
    to->id = (uint16_t)number;
    to->size = 1500;
}
static inline void tx_answer(const struct tx_request* of, struct tx_response* to) {
    to->id = of->id;
    to->status = (int16_t)((of->gref + of->offset + of->flags + of->size) & 0x7fff);
}
static inline uint64_t tx_value(const struct tx_response* of) {
    return (uint64_t)of->id + (uint64_t)of->status;
}

/* netif's receive ring */
struct rx_request {
    uint16_t id, pad;
    uint32_t gref;
};
struct rx_response {
    uint16_t id, offset, flags;
    int16_t status;
};

static inline void rx_fill(struct rx_request* to, uint64_t number) {
    to->id = (uint16_t)number;
    to->pad = 0;
    to->gref = (uint32_t)number;
}
static inline void rx_answer(const struct rx_request* of, struct rx_response* to) {
    to->id = of->id;
    to->offset = 0;
    to->flags = 1;
    to->status = (int16_t)(of->gref & 0x7fff);
}
static inline uint64_t rx_value(const struct rx_response* of) {
    return (uint64_t)of->id + of->offset + of->flags + (uint64_t)of->status;
}

/* like blkif's, with its padding named */
struct blk_segment {
    uint32_t gref;
    uint8_t first, last;
    uint16_t pad;
};
struct blk_request {
    uint8_t operation, segments;
    uint16_t handle;
    uint32_t pad;
    uint64_t id, sector;
    struct blk_segment segment[11];
};
struct blk_response {
    uint64_t id;
    uint8_t operation, pad;
    int16_t status;
    uint32_t more_pad;
};

static inline void blk_fill(struct blk_request* to, uint64_t number) {
    to->operation = 1;
    to->segments = 11;
    to->handle = 7;
    to->pad = 0;
    to->id = number;
    to->sector = number * 8;
    for (unsigned i = 0; i != 11; ++i) {
        const struct blk_segment whole = {(uint32_t)number + i, 0, 7, 0};
        to->segment[i] = whole;
    }
}
static inline void blk_answer(const struct blk_request* of, struct blk_response* to) {
    uint32_t sum = (uint32_t)of->sector;
    for (unsigned i = 0; i < of->segments && i != 11; ++i)
        sum += of->segment[i].gref + of->segment[i].last;
    to->id = of->id;
    to->operation = of->operation;
    to->pad = 0;
    to->status = (int16_t)(sum & 0x7fff);
    to->more_pad = 0;
}
static inline uint64_t blk_value(const struct blk_response* of) {
    return of->id + of->operation + (uint64_t)of->status;
}

#ifdef __cplusplus
extern "C" {
#endif

/* Both domains in one thread, and each alone (see xen_ring_loop.h). What pairs and front give is
 * the sum of the responses' values and of the notifications that were due; back gives the latter.
 */
#define DECLARE_XEN_RING_LOOPS(kind)                                                               \
    void xen_##kind##_initialise(void* memory, size_t bytes);                                      \
    uint64_t xen_##kind##_pairs(void* memory, size_t bytes, uint64_t count, unsigned batch);       \
    uint64_t xen_##kind##_front(void* memory, size_t bytes, uint64_t count, unsigned batch);       \
    uint64_t xen_##kind##_round_trips(void* memory, size_t bytes, uint64_t count,                  \
                                      void (*lap)(void*), void* argument);                         \
    unsigned xen_##kind##_back(void* memory, size_t bytes, uint64_t count)
DECLARE_XEN_RING_LOOPS(tx);
DECLARE_XEN_RING_LOOPS(rx);
DECLARE_XEN_RING_LOOPS(blk);

#ifdef __cplusplus
}
#endif

#endif
