/* Loaded before a program (LD_PRELOAD): counts its calls of the kernel and of malloc into the file
 * that BENCH_COUNTS names, two numbers of 64 bits, to which each program that has it adds. No
 * tracer stops the program, so it sleeps and wakes as often as it does alone. Calls of the kernel
 * that do not go through a function of the C library, such as those of its own mutexes, are not
 * seen. */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct counts {
    uint64_t calls, allocations;
};

static struct counts nowhere;
static struct counts* counts = &nowhere;

__attribute__((constructor)) static void begin(void) {
    const char* const path = getenv("BENCH_COUNTS");
    const int file = path ? open(path, O_RDWR) : -1;
    void* const memory =
        file < 0 ? MAP_FAILED
                 : mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (memory != MAP_FAILED)
        counts = memory;
}

static void add(uint64_t* to) {
    __atomic_fetch_add(to, 1, __ATOMIC_RELAXED);
}

#define COUNTED(type, name, parameters, arguments)                                                 \
    type name parameters {                                                                         \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
            *(void**)&real = dlsym(RTLD_NEXT, #name);                                              \
        add(&counts->calls);                                                                       \
        return real arguments;                                                                     \
    }

COUNTED(ssize_t, read, (int fd, void* to, size_t size), (fd, to, size))
COUNTED(ssize_t, write, (int fd, const void* from, size_t size), (fd, from, size))
COUNTED(ssize_t, readv, (int fd, const struct iovec* to, int count), (fd, to, count))
COUNTED(ssize_t, writev, (int fd, const struct iovec* from, int count), (fd, from, count))
COUNTED(ssize_t, send, (int fd, const void* from, size_t size, int flags), (fd, from, size, flags))
COUNTED(ssize_t, recv, (int fd, void* to, size_t size, int flags), (fd, to, size, flags))
COUNTED(ssize_t, sendmsg, (int fd, const struct msghdr* from, int flags), (fd, from, flags))
COUNTED(ssize_t, recvmsg, (int fd, struct msghdr* to, int flags), (fd, to, flags))
COUNTED(int, poll, (struct pollfd * all, nfds_t count, int limit), (all, count, limit))
COUNTED(int, ppoll,
        (struct pollfd * all, nfds_t count, const struct timespec* limit, const sigset_t* mask),
        (all, count, limit, mask))
COUNTED(int, select, (int count, fd_set* in, fd_set* out, fd_set* wrong, struct timeval* limit),
        (count, in, out, wrong, limit))
COUNTED(int, epoll_wait, (int fd, struct epoll_event* all, int most, int limit),
        (fd, all, most, limit))
COUNTED(int, epoll_ctl, (int fd, int what, int of, struct epoll_event* how), (fd, what, of, how))
COUNTED(int, timerfd_settime,
        (int fd, int flags, const struct itimerspec* to, struct itimerspec* was),
        (fd, flags, to, was))
COUNTED(int, nanosleep, (const struct timespec* time, struct timespec* left), (time, left))
COUNTED(int, sched_yield, (void), ())
COUNTED(void*, mmap, (void* at, size_t size, int mode, int flags, int fd, off_t offset),
        (at, size, mode, flags, fd, offset))
COUNTED(int, munmap, (void* at, size_t size), (at, size))

int ioctl(int fd, unsigned long request, ...) {
    static int (*real)(int, unsigned long, ...);
    va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    if (!real)
        *(void**)&real = dlsym(RTLD_NEXT, "ioctl");
    add(&counts->calls);
    return real(fd, request, argument);
}

/* glibc's own names for what malloc and its like do. */
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
    add(&counts->allocations);
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
    add(&counts->allocations);
    return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
    add(&counts->allocations);
    return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
    add(&counts->allocations);
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
    return memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
    *memory = memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}
