#include "channel.h"

#include <libxenvchan.h>
#include <poll.h>
#include <unistd.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
    char bytes[65536];
    size_t begin, end; /* what has been read from standard input and not been sent yet */
    bool ended;
};

static int complain(const char* what) {
    perror(what);
    return EXIT_FAILURE;
}

static bool print(const char* bytes, size_t size) {
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* Gives the peer what it has room for; false when nothing could be sent. */
static bool send_some(struct libxenvchan* channel, struct input* input) {
    if (input->begin == input->end)
        return false;
    int sent = libxenvchan_write(channel, input->bytes + input->begin, input->end - input->begin);
    if (sent <= 0)
        return false;
    input->begin += (size_t)sent;
    return true;
}

static bool peer_took_all(struct libxenvchan* channel, const struct input* input) {
    return input->ended && input->begin == input->end &&
           libxenvchan_buffer_space(channel) == 1 << channel->write.order;
}

/* Sleeps until the peer notified or standard input has something; false on an error. */
static bool wait_for_either(struct libxenvchan* channel, struct input* input) {
    const bool wants_input = !input->ended && input->begin == input->end;
    struct pollfd wait[] = {
        {.fd = libxenvchan_fd_for_select(channel), .events = POLLIN},
        {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN},
    };
    if (poll(wait, 2, -1) < 0)
        return errno == EINTR;
    if (wait[0].revents)
        libxenvchan_wait(channel);
    if (wait[1].revents) {
        ssize_t size = read(STDIN_FILENO, input->bytes, sizeof input->bytes);
        if (size < 0)
            return errno == EINTR;
        input->begin = 0;
        input->end = (size_t)size;
        input->ended = size == 0;
    }
    return true;
}

int channel_pipe(struct libxenvchan* channel, bool close_at_end) {
    static struct input input;
    static char received[65536];
    channel->blocking = 0;
    for (;;) {
        /* Asked before the data is: what a peer wrote before it closed is then surely seen. */
        const bool open = libxenvchan_is_open(channel);
        const int size = libxenvchan_read(channel, received, sizeof received);
        if (size > 0 && !print(received, (size_t)size))
            return complain("standard output");
        if (size <= 0 && !open)
            return EXIT_SUCCESS;
        const bool sent = open && send_some(channel, &input);
        if (size > 0 || sent || !open)
            continue;
        if (close_at_end && peer_took_all(channel, &input))
            return EXIT_SUCCESS;
        if (!wait_for_either(channel, &input))
            return complain("standard input");
    }
}
