#include "channel.h"
#include "pattern.h"

#include <libxenvchan.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { chunk_size = 65536 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int complain(const char* what) {
    fprintf(stderr, "libxenvchan_peer: %s\n", what);
    return EXIT_FAILURE;
}

void channel_drain(struct libxenvchan* channel) {
    const int all = 1 << channel->write.order;
    while (libxenvchan_is_open(channel) && libxenvchan_buffer_space(channel) < all)
        libxenvchan_wait(channel);
}

int channel_send(struct libxenvchan* channel, uint64_t count, uint64_t seed, size_t write_size) {
    struct pattern pattern;
    uint8_t* bytes = malloc(write_size);
    if (!bytes)
        return complain("out of memory");
    pattern_begin(&pattern, seed);
    int status = EXIT_SUCCESS;
    while (count > 0 && status == EXIT_SUCCESS) {
        size_t size = count < write_size ? (size_t)count : write_size;
        pattern_fill(&pattern, bytes, size);
        if (libxenvchan_write(channel, bytes, size) != (int)size)
            status = complain("the peer closed before it took everything");
        count -= size;
    }
    channel_drain(channel);
    free(bytes);
    return status;
}

/* At least one byte, or -1 once the peer closed and everything was read: libxenvchan looks at the
 * data before it looks at the peer, so what came in between is still there. */
static int read_some(struct libxenvchan* channel, uint8_t* bytes, size_t size) {
    int count = libxenvchan_read(channel, bytes, size);
    if (count < 0 && libxenvchan_data_ready(channel) > 0)
        count = libxenvchan_read(channel, bytes, size);
    return count;
}

int channel_receive(struct libxenvchan* channel) {
    static uint8_t bytes[chunk_size];
    struct digest digest;
    double first = 0;
    digest_begin(&digest);
    for (int size; (size = read_some(channel, bytes, sizeof bytes)) >= 0;) {
        if (digest.count == 0)
            first = seconds();
        digest_add(&digest, bytes, (size_t)size);
    }
    double elapsed = seconds() - first;
    uint64_t count = digest.count;
    printf("%" PRIu64 " %016" PRIx64 " %.2f MB/s\n", count, digest_end(&digest),
           (double)count / elapsed / 1e6);
    return EXIT_SUCCESS;
}

int channel_flood(struct libxenvchan* channel, uint64_t count, size_t write_size) {
    uint8_t* bytes = calloc(1, write_size);
    int status = bytes ? EXIT_SUCCESS : complain("out of memory");
    while (count > 0 && status == EXIT_SUCCESS) {
        size_t size = count < write_size ? (size_t)count : write_size;
        if (libxenvchan_write(channel, bytes, size) != (int)size)
            status = complain("the peer closed before it took everything");
        count -= size;
    }
    channel_drain(channel);
    free(bytes);
    return status;
}

int channel_sink(struct libxenvchan* channel) {
    static uint8_t bytes[chunk_size];
    double first = 0;
    uint64_t count = 0;
    for (int size; (size = read_some(channel, bytes, sizeof bytes)) >= 0; count += (uint64_t)size) {
        if (count == 0)
            first = seconds();
    }
    printf("%" PRIu64 " %.2f MB/s\n", count, (double)count / (seconds() - first) / 1e6);
    return EXIT_SUCCESS;
}

int channel_send_packets(struct libxenvchan* channel, size_t size, uint64_t count, uint64_t seed) {
    struct pattern pattern;
    uint8_t* bytes = malloc(size);
    if (!bytes)
        return complain("out of memory");
    pattern_begin(&pattern, seed);
    int status = EXIT_SUCCESS;
    for (; count > 0 && status == EXIT_SUCCESS; --count) {
        pattern_fill(&pattern, bytes, size);
        if (libxenvchan_send(channel, bytes, size) != (int)size)
            status = complain("a packet could not be sent");
    }
    channel_drain(channel);
    free(bytes);
    return status;
}

int channel_receive_packets(struct libxenvchan* channel, size_t size, uint64_t count) {
    struct digest digest;
    uint8_t* bytes = malloc(size);
    if (!bytes)
        return complain("out of memory");
    digest_begin(&digest);
    int status = EXIT_SUCCESS;
    for (; count > 0 && status == EXIT_SUCCESS; --count) {
        if (libxenvchan_recv(channel, bytes, size) == (int)size)
            digest_add(&digest, bytes, size);
        else
            status = complain("a packet did not come");
    }
    uint64_t received = digest.count;
    printf("%" PRIu64 " %016" PRIx64 "\n", received, digest_end(&digest));
    free(bytes);
    return status;
}

int channel_echo(struct libxenvchan* channel) {
    static uint8_t bytes[chunk_size];
    for (;;) {
        int size = libxenvchan_read(channel, bytes, sizeof bytes);
        if (size < 0)
            return EXIT_SUCCESS;
        if (libxenvchan_write(channel, bytes, (size_t)size) != size)
            return complain("the peer closed before it took its echo");
    }
}

static bool tell_partner(void) {
    return putchar('.') != EOF && fflush(stdout) == 0;
}

int channel_step_send(struct libxenvchan* channel, size_t size, uint64_t count) {
    uint8_t* bytes = calloc(1, size);
    int status = bytes ? EXIT_SUCCESS : complain("out of memory");
    for (; count > 0 && status == EXIT_SUCCESS; --count)
        if (libxenvchan_write(channel, bytes, size) != (int)size || !tell_partner() ||
            getchar() == EOF)
            status = complain("the partner is gone");
    free(bytes);
    return status;
}

int channel_step_receive(struct libxenvchan* channel, uint64_t count) {
    static uint8_t bytes[chunk_size];
    for (; count > 0; --count)
        if (getchar() == EOF || libxenvchan_read(channel, bytes, sizeof bytes) <= 0 ||
            !tell_partner())
            return complain("the partner is gone");
    return EXIT_SUCCESS;
}

static int by_value(const void* left, const void* right) {
    double a = *(const double*)left, b = *(const double*)right;
    return (a > b) - (a < b);
}

int channel_ping(struct libxenvchan* channel, size_t size, uint64_t rounds) {
    uint8_t* bytes = calloc(1, size);
    double* times = calloc(rounds, sizeof *times);
    int status = bytes && times ? EXIT_SUCCESS : complain("out of memory");
    for (uint64_t i = 0; i < rounds && status == EXIT_SUCCESS; ++i) {
        double began = seconds();
        if (libxenvchan_write(channel, bytes, size) != (int)size ||
            libxenvchan_recv(channel, bytes, size) != (int)size)
            status = complain("the peer closed before the last round");
        times[i] = seconds() - began;
    }
    if (status == EXIT_SUCCESS && rounds > 0) {
        qsort(times, rounds, sizeof *times, by_value);
        printf("%.2f us median, %.2f us shortest, %.2f us p99, %.2f us p99.9\n",
               times[(rounds - 1) / 2] * 1e6, times[0] * 1e6, times[(rounds - 1) * 99 / 100] * 1e6,
               times[(rounds - 1) * 999 / 1000] * 1e6);
    }
    free(times);
    free(bytes);
    return status;
}

int channel_dump(const struct libxenvchan* channel) {
    const struct vchan_interface* page = channel->ring;
    printf("left.cons %u\nleft.prod %u\nright.cons %u\nright.prod %u\n", page->left.cons,
           page->left.prod, page->right.cons, page->right.prod);
    printf("left_order %u\nright_order %u\n", page->left_order, page->right_order);
    printf("cli_live %u\nsrv_live %u\ncli_notify %u\nsrv_notify %u\n", page->cli_live,
           page->srv_live, page->cli_notify, page->srv_notify);
    return EXIT_SUCCESS;
}
