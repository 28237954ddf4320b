/* The loops on Xen's own ring.h macros, for messages of KIND, in C as Linux' drivers have them: the
 * front copies a private request into its slot; the back copies each one out of the page before use
 * (RING_COPY_REQUEST, since XSA-155) and fills the response in place; the front copies that out
 * (RING_COPY_RESPONSE). Each looks at the other's producer once a round, checks it with the macro
 * that ring.h has for it, and checks whether to notify. Included once for each kind. */
#define PASTE2(a, b, c) a##b##c
#define PASTE(a, b, c) PASTE2(a, b, c)
#define NAME(what) PASTE(xen_, KIND, _##what)
#define ON_MESSAGE(what) PASTE(, KIND, _##what)
#define RING(what) PASTE(, KIND, what)

#define DEFINE_RINGS(name, request, response) DEFINE_RING_TYPES(name, request, response)
DEFINE_RINGS(KIND, struct ON_MESSAGE(request), struct ON_MESSAGE(response));
#undef DEFINE_RINGS

/* Takes what has come and answers it; gives how many. */
static inline unsigned NAME(serve)(RING(_back_ring_t) * back) {
    const RING_IDX produced = back->sring->req_prod;
    RING_IDX at = back->req_cons;
    const unsigned served = produced - at;
    if (RING_REQUEST_PROD_OVERFLOW(back, produced))
        return 0;
    xen_rmb(); /* the index before the requests */
    for (; at != produced; ++at) {
        struct ON_MESSAGE(request) request;
        RING_COPY_REQUEST(back, at, &request);
        ON_MESSAGE(answer)(&request, RING_GET_RESPONSE(back, back->rsp_prod_pvt));
        ++back->rsp_prod_pvt;
    }
    back->req_cons = at;
    return served;
}

/* Takes the responses that have come and adds up what they say. */
static inline unsigned NAME(collect)(RING(_front_ring_t) * front, uint64_t* sum) {
    const RING_IDX produced = front->sring->rsp_prod;
    RING_IDX at = front->rsp_cons;
    const unsigned taken = produced - at;
    if (RING_RESPONSE_PROD_OVERFLOW(front, produced))
        return 0;
    xen_rmb(); /* the index before the responses */
    for (; at != produced; ++at) {
        struct ON_MESSAGE(response) response;
        RING_COPY_RESPONSE(front, at, &response);
        *sum += ON_MESSAGE(value)(&response);
    }
    front->rsp_cons = at;
    return taken;
}

static inline void NAME(ask)(RING(_front_ring_t) * front, uint64_t number) {
    struct ON_MESSAGE(request) request;
    ON_MESSAGE(fill)(&request, number);
    *RING_GET_REQUEST(front, front->req_prod_pvt) = request;
    ++front->req_prod_pvt;
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
        for (unsigned i = 0; i != batch && !RING_FULL(&front); ++i)
            NAME(ask)(&front, done + i);
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
        sum += notify != 0;
        NAME(serve)(&back);
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
        sum += notify != 0;
        NAME(collect)(&front, &sum);
    }
    return sum;
}

uint64_t NAME(front)(void* memory, size_t bytes, uint64_t count, unsigned batch) {
    RING(_front_ring_t) front;
    uint64_t sum = 0;
    int notify;
    FRONT_RING_ATTACH(&front, (RING(_sring_t)*)memory, 0, bytes);
    for (uint64_t sent = 0, received = 0; received < count;) {
        const uint64_t before = sent;
        for (unsigned i = 0; i != batch && sent != count && !RING_FULL(&front); ++i)
            NAME(ask)(&front, sent++);
        if (sent != before) {
            RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
            sum += notify != 0;
        }
        received += NAME(collect)(&front, &sum);
    }
    return sum;
}

uint64_t NAME(round_trips)(void* memory, size_t bytes, uint64_t count, void (*lap)(void*),
                           void* argument) {
    RING(_front_ring_t) front;
    uint64_t sum = 0;
    int notify;
    FRONT_RING_ATTACH(&front, (RING(_sring_t)*)memory, 0, bytes);
    for (uint64_t sent = 0; sent != count; ++sent) {
        NAME(ask)(&front, sent);
        RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
        sum += notify != 0;
        while (NAME(collect)(&front, &sum) == 0)
            ;
        lap(argument);
    }
    return sum;
}

unsigned NAME(back)(void* memory, size_t bytes, uint64_t count) {
    RING(_back_ring_t) back;
    unsigned notified = 0;
    int notify;
    BACK_RING_ATTACH(&back, (RING(_sring_t)*)memory, 0, bytes);
    for (uint64_t served = 0; served < count;) {
        const unsigned now = NAME(serve)(&back);
        if (now == 0)
            continue;
        served += now;
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
        notified += notify != 0;
    }
    return notified;
}

#undef PASTE2
#undef PASTE
#undef NAME
#undef ON_MESSAGE
#undef RING
#undef KIND
