#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { room_size = 65536 };

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int complain(const char* what) {
    fprintf(stderr, "traffic: %s\n", what);
    return EXIT_FAILURE;
}

int traffic_both_ways(const struct traffic_end* end, uint64_t count, size_t write_size) {
    static uint8_t room[room_size];
    uint8_t* const bytes = calloc(1, write_size);
    if (!bytes)
        return complain("out of memory");
    const double began = microseconds();
    uint64_t sent = 0, taken = 0;
    long wrote = 0, read = 0;
    while ((sent < count || taken < count) && wrote >= 0 && read >= 0) {
        const size_t size = sent + write_size < count ? write_size : (size_t)(count - sent);
        wrote = size > 0 ? end->write_now(end->channel, bytes, size) : 0;
        read = taken < count ? end->read_now(end->channel, room, sizeof room) : 0;
        if (wrote > 0)
            sent += (uint64_t)wrote;
        if (read > 0)
            taken += (uint64_t)read;
        /* As long as bytes are to come, the peer has space for them and goes on by itself. */
        if (wrote == 0 && read == 0)
            end->wait(end->channel, taken < count);
    }
    free(bytes);
    if (wrote < 0 || read < 0)
        return complain("the peer left too early");
    printf("%.2f MB/s\n", 2 * (double)count / (microseconds() - began));
    return EXIT_SUCCESS;
}

static int by_value(const void* left, const void* right) {
    const double a = *(const double*)left, b = *(const double*)right;
    return (a > b) - (a < b);
}

static void print(double* times, uint64_t count) {
    qsort(times, count, sizeof *times, by_value);
    const double last = (double)(count - 1);
    printf("%.2f us median, %.2f us shortest, %.2f us p99, %.2f us p99.9, %.2f us longest\n",
           times[(size_t)(last * 0.5)], times[0], times[(size_t)(last * 0.99)],
           times[(size_t)(last * 0.999)], times[count - 1]);
}

int traffic_open_loop(const struct traffic_end* end, double rate, uint64_t count, size_t size) {
    static uint8_t room[room_size];
    if (count == 0 || size == 0 || size > room_size || !(rate > 0))
        return complain("an open loop needs a rate, messages and a size");
    double* const times = calloc(count, sizeof *times);
    uint8_t* const message = calloc(1, size);
    const double each = 1e6 / rate, began = microseconds();
    uint64_t done = 0;            /* messages that are back */
    uint64_t sent = 0, taken = 0; /* bytes */
    bool here = times && message;
    while (here && done < count) {
        if (sent < count * size && microseconds() >= began + (double)(sent / size) * each) {
            const long wrote = end->write_now(end->channel, message, size - sent % size);
            here = wrote >= 0;
            sent += here ? (uint64_t)wrote : 0;
        }
        const long read = end->read_now(end->channel, room, sizeof room);
        here = here && read >= 0;
        taken += read > 0 ? (uint64_t)read : 0;
        if (done < taken / size)
            for (const double now = microseconds(); done < taken / size; ++done)
                times[done] = now - (began + (double)done * each);
    }
    if (here)
        print(times, count);
    free(message);
    free(times);
    return here ? EXIT_SUCCESS : complain("the peer left too early");
}
