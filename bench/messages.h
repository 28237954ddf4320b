/* Messages of the rings that are measured, 16 and 64 bytes each way. */
#ifndef XENRING_BENCH_MESSAGES_H
#define XENRING_BENCH_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

struct message16 {
    uint64_t number;
    uint64_t rest[1];
};
struct message64 {
    uint64_t number;
    uint64_t rest[7];
};

#ifdef __cplusplus
extern "C" {
#endif

/* One page of memory for each side's loop: see xen_ring_loop.h. */
#define DECLARE_XEN_RING_LOOPS(size)                                                               \
    void xen##size##_initialise(void* memory, size_t bytes);                                       \
    uint64_t xen##size##_pairs(void* memory, size_t bytes, uint64_t count, unsigned batch);        \
    uint64_t xen##size##_front(void* memory, size_t bytes, uint64_t count, unsigned batch);        \
    void xen##size##_back(void* memory, size_t bytes, uint64_t count)
DECLARE_XEN_RING_LOOPS(16);
DECLARE_XEN_RING_LOOPS(64);

#ifdef __cplusplus
}
#endif

#endif
