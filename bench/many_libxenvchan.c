/* many_libxenvchan listen|connect PEER_DOMID PATH CHANNELS ROUNDS SIZE: what many_vchan does, with
 * libxenvchan and one epoll over its channels. */
#include "../tests/xen/peer/events.h"

#include <libxenvchan.h>
#include <sys/epoll.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { room_size = 65536, most_ready = 64 };

struct channel {
    struct libxenvchan* peer;
    uint64_t rounds; /* left to ask */
    size_t missing;  /* bytes of the answer */
};

struct work {
    struct channel* all;
    size_t count, size;
    int epoll;
    size_t open; /* channels that are not done */
};

static char room[room_size];

static _Noreturn void fail(const char* what) {
    fprintf(stderr, "many_libxenvchan: %s\n", what);
    exit(EXIT_FAILURE);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void put(struct channel* channel, size_t size) {
    if (libxenvchan_write(channel->peer, room, size) != (int)size)
        fail("a message does not fit into the ring");
}

/* Sends back what is there; gives whether the channel has ended. */
static bool answer(struct work* work, struct channel* channel) {
    for (;;) {
        const int size = libxenvchan_read(channel->peer, room, work->size);
        if (size <= 0)
            return size < 0;
        put(channel, (size_t)size);
    }
}

/* Takes what is there, and asks again once the answer is complete; gives whether it was the last.
 */
static bool ask(struct work* work, struct channel* channel) {
    for (;;) {
        const int size = libxenvchan_read(channel->peer, room, channel->missing);
        if (size < 0)
            fail("the peer left too early");
        if (size == 0)
            return false;
        channel->missing -= (size_t)size;
        if (channel->missing != 0)
            continue;
        if (--channel->rounds == 0)
            return true;
        channel->missing = work->size;
        put(channel, work->size);
    }
}

/* Until all channels are done. */
static void serve(struct work* work, bool (*step)(struct work*, struct channel*)) {
    struct epoll_event ready[most_ready];
    while (work->open > 0) {
        const int count = epoll_wait(work->epoll, ready, most_ready, -1);
        for (int i = 0; i < count; ++i) {
            struct channel* const channel = ready[i].data.ptr;
            libxenvchan_wait(channel->peer); /* takes the event */
            if (!step(work, channel))
                continue;
            epoll_ctl(work->epoll, EPOLL_CTL_DEL, libxenvchan_fd_for_select(channel->peer), NULL);
            --work->open;
        }
    }
}

static struct work open_all(bool listens, char** words) {
    struct work work = {NULL, strtoul(words[2], NULL, 10), strtoul(words[4], NULL, 10), -1, 0};
    const int peer = atoi(words[0]);
    work.all = calloc(work.count, sizeof *work.all);
    work.epoll = epoll_create1(0);
    if (!work.all || work.epoll < 0 || work.size > room_size)
        fail("no memory, no epoll or too large a message");
    for (; work.open < work.count; ++work.open) {
        struct channel* const each = &work.all[work.open];
        char path[128];
        snprintf(path, sizeof path, "%s/%zu", words[1], work.open);
        each->rounds = strtoull(words[3], NULL, 10);
        each->missing = work.size;
        each->peer = listens ? libxenvchan_server_init(NULL, peer, path, 0, 0)
                             : libxenvchan_client_init(NULL, peer, path);
        if (!each->peer)
            fail("no channel");
        each->peer->blocking = 0;
        struct epoll_event what = {.events = EPOLLIN, .data.ptr = each};
        if (epoll_ctl(work.epoll, EPOLL_CTL_ADD, libxenvchan_fd_for_select(each->peer), &what) != 0)
            fail("epoll_ctl");
    }
    return work;
}

int main(int argc, char** argv) {
    if (argc != 7)
        fail("usage: listen|connect PEER_DOMID PATH CHANNELS ROUNDS SIZE");
    const bool listens = strcmp(argv[1], "listen") == 0;
    struct work work = open_all(listens, argv + 2);
    const unsigned long earlier = events_sent();
    if (listens) {
        puts("ready");
        fflush(stdout);
        serve(&work, answer);
    } else {
        const uint64_t messages = work.all[0].rounds * work.count;
        const double began = seconds();
        for (size_t i = 0; i < work.count; ++i)
            put(&work.all[i], work.size);
        serve(&work, ask);
        printf("%.1f messages/s\n", (double)messages / (seconds() - began));
    }
    fprintf(stderr, "%lu events\n", events_sent() - earlier);
    for (size_t i = 0; i < work.count; ++i)
        libxenvchan_close(work.all[i].peer);
    return EXIT_SUCCESS;
}
