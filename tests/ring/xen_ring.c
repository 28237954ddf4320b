/* Barriers come from xenctrl.h, as Xen's own user-space programs take them. */
#include "xen_ring.h"

#include <stdlib.h>
#include <string.h>
/* xenctrl.h must come before ring.h, which uses its barriers. */
/* clang-format off */
#include <xenctrl.h>
#include <xen/io/ring.h>
/* clang-format on */

DEFINE_RING_TYPES(sample, struct xen_request, struct xen_response);

struct xen_front {
    sample_front_ring_t ring;
};
struct xen_back {
    sample_back_ring_t ring;
};

struct xen_front* xen_front_initialise(void* memory, size_t size) {
    struct xen_front* f = calloc(1, sizeof *f);
    XEN_FRONT_RING_INIT(&f->ring, (sample_sring_t*)memory, size);
    return f;
}

struct xen_front* xen_front_attach(void* memory, size_t size, uint32_t index) {
    struct xen_front* f = calloc(1, sizeof *f);
    FRONT_RING_ATTACH(&f->ring, (sample_sring_t*)memory, index, size);
    return f;
}

void xen_front_free(struct xen_front* f) {
    free(f);
}

int xen_front_push(struct xen_front* f, const struct xen_request* request) {
    if (RING_FULL(&f->ring))
        return 0;
    memcpy(RING_GET_REQUEST(&f->ring, f->ring.req_prod_pvt), request, sizeof *request);
    f->ring.req_prod_pvt++;
    return 1;
}

int xen_front_publish(struct xen_front* f) {
    int notify;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&f->ring, notify);
    return notify;
}

int xen_front_pop(struct xen_front* f, struct xen_response* response) {
    RING_IDX produced = f->ring.sring->rsp_prod;
    xen_rmb();
    if (produced == f->ring.rsp_cons)
        return 0;
    memcpy(response, RING_GET_RESPONSE(&f->ring, f->ring.rsp_cons), sizeof *response);
    f->ring.rsp_cons++;
    return 1;
}

int xen_front_arm(struct xen_front* f) {
    int work;
    RING_FINAL_CHECK_FOR_RESPONSES(&f->ring, work);
    return work != 0;
}

struct xen_back* xen_back_attach(void* memory, size_t size, uint32_t index) {
    struct xen_back* b = calloc(1, sizeof *b);
    BACK_RING_ATTACH(&b->ring, (sample_sring_t*)memory, index, size);
    return b;
}

void xen_back_free(struct xen_back* b) {
    free(b);
}

int xen_back_push(struct xen_back* b, const struct xen_response* response) {
    if (b->ring.rsp_prod_pvt == b->ring.req_cons)
        return 0;
    memcpy(RING_GET_RESPONSE(&b->ring, b->ring.rsp_prod_pvt), response, sizeof *response);
    b->ring.rsp_prod_pvt++;
    return 1;
}

int xen_back_publish(struct xen_back* b) {
    int notify;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&b->ring, notify);
    return notify;
}

int xen_back_pop(struct xen_back* b, struct xen_request* request) {
    if (!RING_HAS_UNCONSUMED_REQUESTS(&b->ring))
        return 0;
    xen_rmb();
    memcpy(request, RING_GET_REQUEST(&b->ring, b->ring.req_cons), sizeof *request);
    b->ring.req_cons++;
    return 1;
}

int xen_back_arm(struct xen_back* b) {
    int work;
    RING_FINAL_CHECK_FOR_REQUESTS(&b->ring, work);
    return work != 0;
}
