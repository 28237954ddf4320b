/* The loops on Xen's own ring.h macros, for SIZE bytes: as plain C as a driver has them. Included
 * once for each size. Requests are copied out of the page before use (RING_COPY_REQUEST), as
 * drivers must since XSA-155; there is no other check than the one that ring.h has for the back. */
#define PASTE2(a, b, c) a##b##c
#define PASTE(a, b, c) PASTE2(a, b, c)
#define NAME(what) PASTE(xen, SIZE, _##what)
#define MESSAGE struct PASTE(message, SIZE, )
#define RING(what) PASTE(ring, SIZE, what)

#define DEFINE_RINGS(name, message) DEFINE_RING_TYPES(name, message, message)
DEFINE_RINGS(RING(), MESSAGE);
#undef DEFINE_RINGS

/* Takes what has come and answers it; gives how many. */
static inline unsigned NAME(serve)(RING(_back_ring_t) * back) {
    const RING_IDX produced = back->sring->req_prod;
    unsigned served = 0;
    xen_rmb();
    for (; back->req_cons != produced; ++served) {
        MESSAGE request;
        if (RING_REQUEST_CONS_OVERFLOW(back, back->req_cons))
            break;
        RING_COPY_REQUEST(back, back->req_cons, &request);
        ++back->req_cons;
        request.number = ~request.number;
        memcpy(RING_GET_RESPONSE(back, back->rsp_prod_pvt), &request, sizeof request);
        ++back->rsp_prod_pvt;
    }
    return served;
}

static inline void NAME(ask)(RING(_front_ring_t) * front, uint64_t number) {
    MESSAGE request = {number, {0}};
    memcpy(RING_GET_REQUEST(front, front->req_prod_pvt), &request, sizeof request);
    ++front->req_prod_pvt;
}

/* Takes the responses that have come and adds up what they say. */
static inline unsigned NAME(collect)(RING(_front_ring_t) * front, uint64_t* sum) {
    const RING_IDX produced = front->sring->rsp_prod;
    unsigned taken = 0;
    xen_rmb();
    for (; front->rsp_cons != produced; ++taken) {
        MESSAGE response;
        memcpy(&response, RING_GET_RESPONSE(front, front->rsp_cons), sizeof response);
        ++front->rsp_cons;
        *sum += response.number;
    }
    return taken;
}

void NAME(initialise)(void* memory, size_t bytes) {
    RING(_front_ring_t) front;
    XEN_FRONT_RING_INIT(&front, (RING(_sring_t)*)memory, bytes);
}

uint64_t NAME(pairs)(void* memory, size_t bytes, uint64_t count, unsigned batch) {
    RING(_front_ring_t) front;
    RING(_back_ring_t) back;
    uint64_t sum = 0;
    int notify;
    XEN_FRONT_RING_INIT(&front, (RING(_sring_t)*)memory, bytes);
    BACK_RING_ATTACH(&back, (RING(_sring_t)*)memory, 0, bytes);
    for (uint64_t done = 0; done < count; done += batch) {
        for (unsigned i = 0; i != batch; ++i)
            NAME(ask)(&front, done + i);
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
        NAME(serve)(&back);
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
        NAME(collect)(&front, &sum);
    }
    (void)notify;
    return sum;
}

uint64_t NAME(front)(void* memory, size_t bytes, uint64_t count, unsigned batch) {
    RING(_front_ring_t) front;
    uint64_t sum = 0;
    int notify;
    FRONT_RING_ATTACH(&front, (RING(_sring_t)*)memory, 0, bytes);
    for (uint64_t sent = 0, received = 0; received < count;) {
        for (unsigned i = 0; i != batch && sent != count && !RING_FULL(&front); ++i)
            NAME(ask)(&front, sent++);
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
        received += NAME(collect)(&front, &sum);
    }
    (void)notify;
    return sum;
}

void NAME(back)(void* memory, size_t bytes, uint64_t count) {
    RING(_back_ring_t) back;
    int notify;
    BACK_RING_ATTACH(&back, (RING(_sring_t)*)memory, 0, bytes);
    for (uint64_t served = 0; served < count;) {
        const unsigned now = NAME(serve)(&back);
        served += now;
        if (now != 0)
            RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
    }
    (void)notify;
}

#undef PASTE2
#undef PASTE
#undef NAME
#undef MESSAGE
#undef RING
#undef SIZE
