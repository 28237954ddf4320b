/* A peer for tests, written on Xen's own libxenvchan: what our vchan is held against. */
#include "channel.h"
#include "events.h"
#include "pattern.h"

#include <libxenvchan.h>
#include <unistd.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: libxenvchan_peer listen [--ring LEFT[:RIGHT]] [--persist] [-N] PEER_DOMID PATH "
    "[ACTION]\n"
    "       libxenvchan_peer connect [--wait SECONDS] [-N] PEER_DOMID PATH [ACTION]\n"
    "       libxenvchan_peer listen-many|connect-many PEER_DOMID PATH COUNT   time for each\n"
    "       libxenvchan_peer generate BYTES SEED     write the pattern to standard output\n"
    "       libxenvchan_peer digest [BYTES]          count and digest of standard input\n"
    "LEFT and RIGHT are the least sizes of the rings to and from the server, in bytes.\n"
    "PATH is absolute, or relative to the own domain. With --persist a server takes one client\n"
    "after another on the same page, until it is killed. With --events standard error tells at\n"
    "the end how many events were sent to the peer. ACTION is one of\n"
    "  pipe                           standard input and output, like nc (the default); with -N\n"
    "                                 close once the peer has taken all of standard input\n"
    "  send BYTES SEED [WRITE_SIZE]   send the pattern\n"
    "  receive                        print count, digest and speed of what comes\n"
    "  flood BYTES WRITE_SIZE         send one buffer again and again\n"
    "  sink                           print count and speed of what comes, look at nothing\n"
    "  send-packets SIZE COUNT SEED   the pattern in packets of exactly SIZE bytes\n"
    "  receive-packets SIZE COUNT     print count and digest\n"
    "  step-send SIZE COUNT           packets in step with step-receive: fifos connect standard\n"
    "  step-receive COUNT             output of each with standard input of the other\n"
    "  echo                           send back what comes\n"
    "  ping SIZE ROUNDS               round trip time against an echo\n"
    "  both BYTES WRITE_SIZE          flood and sink at once, at both ends\n"
    "  load SIZE COUNT RATE           COUNT messages at RATE a second against an echo\n"
    "  dump                           print the control page\n";

struct options {
    size_t left, right;
    unsigned long wait;
    bool close_at_end, persist, events;
};

static _Noreturn void stop_with_usage(void) {
    fputs(usage, stderr);
    exit(2);
}

static uint64_t number(const char* text) {
    char* end;
    if (!text || *text < '0' || *text > '9')
        stop_with_usage();
    uint64_t value = strtoull(text, &end, 0);
    if (*end != '\0')
        stop_with_usage();
    return value;
}

static void parse_ring(char* text, struct options* options) {
    char* colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    options->left = number(text);
    options->right = colon ? number(colon + 1) : options->left;
}

static struct options parse_options(int argc, char** argv) {
    static const struct option long_options[] = {{"ring", required_argument, NULL, 'r'},
                                                 {"wait", required_argument, NULL, 'w'},
                                                 {"persist", no_argument, NULL, 'p'},
                                                 {"events", no_argument, NULL, 'e'},
                                                 {0}};
    struct options options = {0};
    int option;
    while ((option = getopt_long(argc, argv, "+N", long_options, NULL)) != -1) {
        switch (option) {
        case 'r':
            parse_ring(optarg, &options);
            break;
        case 'w':
            options.wait = number(optarg);
            break;
        case 'N':
            options.close_at_end = true;
            break;
        case 'p':
            options.persist = true;
            break;
        case 'e':
            options.events = true;
            break;
        default:
            stop_with_usage();
        }
    }
    return options;
}

/* libxenvchan itself never waits for a server. */
static struct libxenvchan* connect_within(unsigned long seconds, int domid, const char* path) {
    const time_t deadline = time(NULL) + (time_t)seconds;
    for (;;) {
        struct libxenvchan* channel = libxenvchan_client_init(NULL, domid, path);
        if (channel || time(NULL) >= deadline)
            return channel;
        usleep(50000);
    }
}

static int act(struct libxenvchan* channel, const struct options* options, char** words) {
    const char* action = words[0] ? words[0] : "pipe";
    if (strcmp(action, "pipe") == 0)
        return channel_pipe(channel, options->close_at_end);
    if (strcmp(action, "receive") == 0)
        return channel_receive(channel);
    if (strcmp(action, "sink") == 0)
        return channel_sink(channel);
    if (strcmp(action, "echo") == 0)
        return channel_echo(channel);
    if (strcmp(action, "dump") == 0)
        return channel_dump(channel);
    const uint64_t first = number(words[1]);
    if (strcmp(action, "step-receive") == 0)
        return channel_step_receive(channel, first);
    const uint64_t second = number(words[2]);
    if (strcmp(action, "step-send") == 0)
        return channel_step_send(channel, first, second);
    if (strcmp(action, "send") == 0)
        return channel_send(channel, first, second, words[3] ? number(words[3]) : 65536);
    if (strcmp(action, "flood") == 0)
        return channel_flood(channel, first, second);
    if (strcmp(action, "send-packets") == 0)
        return channel_send_packets(channel, first, second, number(words[3]));
    if (strcmp(action, "receive-packets") == 0)
        return channel_receive_packets(channel, first, second);
    if (strcmp(action, "ping") == 0)
        return channel_ping(channel, first, second);
    if (strcmp(action, "both") == 0)
        return channel_both_ways(channel, first, second);
    if (strcmp(action, "load") == 0)
        return channel_load(channel, (double)number(words[3]), second, first);
    stop_with_usage();
}

static int open_and_act(int argc, char** argv, bool server) {
    const struct options options = parse_options(argc, argv);
    if (argc - optind < 2)
        stop_with_usage();
    const int domid = (int)number(argv[optind]);
    const char* path = argv[optind + 1];
    struct libxenvchan* channel =
        server ? libxenvchan_server_init(NULL, domid, path, options.left, options.right)
               : connect_within(options.wait, domid, path);
    if (!channel) {
        fprintf(stderr, "libxenvchan_peer: no channel with domain %d at %s\n", domid, path);
        return EXIT_FAILURE;
    }
    if (options.persist)
        channel->server_persist = -1; /* signed bits, both */
    channel->blocking = -1; /* on: the field is a signed bit, and libxenvchan leaves it unset */
    const int status = act(channel, &options, argv + optind + 2);
    libxenvchan_close(channel);
    if (options.events)
        fprintf(stderr, "%lu events\n", events_sent());
    return status;
}

static double microseconds_since(const struct timespec* began) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) * 1e6 +
           (double)(now.tv_nsec - began->tv_nsec) / 1e3;
}

/* Opens many channels one after the other and keeps them; a server until standard input ends. */
static int open_many(char** words, bool server) {
    const int domid = (int)number(words[0]);
    const size_t count = (size_t)number(words[2]);
    struct libxenvchan** const all = calloc(count, sizeof *all);
    size_t opened = 0;
    struct timespec began;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (; all && opened < count; ++opened) {
        char path[128];
        snprintf(path, sizeof path, "%s/%zu", words[1], opened);
        all[opened] = server ? libxenvchan_server_init(NULL, domid, path, 0, 0)
                             : libxenvchan_client_init(NULL, domid, path);
        if (!all[opened]) {
            fprintf(stderr, "libxenvchan_peer: no channel with domain %d at %s\n", domid, path);
            break;
        }
    }
    const bool complete = opened == count;
    if (complete)
        printf("%.2f us\n", microseconds_since(&began) / (double)count);
    fflush(stdout);
    while (complete && server && getchar() != EOF)
        continue;
    while (opened > 0)
        libxenvchan_close(all[--opened]); /* or a server's keys stay in the store */
    free(all);
    return complete ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int generate(uint64_t count, uint64_t seed) {
    static uint8_t bytes[65536];
    struct pattern pattern;
    pattern_begin(&pattern, seed);
    while (count > 0) {
        size_t size = count < sizeof bytes ? (size_t)count : sizeof bytes;
        pattern_fill(&pattern, bytes, size);
        if (fwrite(bytes, 1, size, stdout) != size)
            return EXIT_FAILURE;
        count -= size;
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_digest(uint64_t most) {
    static uint8_t bytes[65536];
    struct digest digest;
    digest_begin(&digest);
    while (digest.count < most) {
        const uint64_t left = most - digest.count;
        ssize_t size = read(STDIN_FILENO, bytes, left < sizeof bytes ? left : sizeof bytes);
        if (size <= 0)
            break;
        digest_add(&digest, bytes, (size_t)size);
    }
    const uint64_t count = digest.count;
    printf("%" PRIu64 " %016" PRIx64 "\n", count, digest_end(&digest));
    return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
    const char* command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "listen") == 0 || strcmp(command, "connect") == 0)
        return open_and_act(argc - 1, argv + 1, command[0] == 'l');
    if (strcmp(command, "listen-many") == 0 && argc == 5)
        return open_many(argv + 2, true);
    if (strcmp(command, "connect-many") == 0 && argc == 5)
        return open_many(argv + 2, false);
    if (strcmp(command, "generate") == 0 && argc == 4)
        return generate(number(argv[2]), number(argv[3]));
    if (strcmp(command, "digest") == 0 && argc <= 3)
        return print_digest(argc == 3 ? number(argv[2]) : UINT64_MAX);
    stop_with_usage();
}
