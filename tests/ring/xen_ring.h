/* Rings driven by the macros of xen/io/ring.h, compiled as C, behind plain functions. */
#ifndef XENRING_TESTS_XEN_RING_H
#define XENRING_TESTS_XEN_RING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct xen_request {
    uint32_t gref;
    uint16_t offset, flags, id, size;
};
struct xen_response {
    uint16_t id;
    int16_t status;
};

struct xen_front;
struct xen_back;

struct xen_front* xen_front_initialise(void* memory, size_t size);
struct xen_front* xen_front_attach(void* memory, size_t size, uint32_t index);
void xen_front_free(struct xen_front*);
int xen_front_push(struct xen_front*, const struct xen_request*); /* 0: full */
int xen_front_publish(struct xen_front*);                         /* 1: notify */
int xen_front_pop(struct xen_front*, struct xen_response*);       /* 0: none */
int xen_front_arm(struct xen_front*);                             /* 1: work arrived */

struct xen_back* xen_back_attach(void* memory, size_t size, uint32_t index);
void xen_back_free(struct xen_back*);
int xen_back_push(struct xen_back*, const struct xen_response*); /* 0: nothing to answer */
int xen_back_publish(struct xen_back*);
int xen_back_pop(struct xen_back*, struct xen_request*);
int xen_back_arm(struct xen_back*);

#ifdef __cplusplus
}
#endif
#endif
