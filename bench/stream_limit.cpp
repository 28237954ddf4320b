// stream_limit copy SIZE | stream|touch SIZE RING: prints MB/s, what the machine allows a stream.
//
//     copy      one thread copies SIZE bytes again and again
//     stream    two processes, one copies into a ring and the other out of it, nothing else to do
//     touch     the same, but what is in the ring is read where it lies
// CPUs 0 and 1.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using std::chrono::steady_clock;

struct alignas(64) word {
    std::atomic<std::size_t> value{0};
};

/// What two processes share: a word of each, and a ring.
struct shared {
    word here, there;
    char* ring = nullptr;
};

shared& share(std::size_t ring_size) {
    void* const memory = ::mmap(nullptr, 4096 + ring_size, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error{"mmap"};
    auto* const made = new (memory) shared;
    made->ring = static_cast<char*>(memory) + 4096;
    return *made;
}

void run_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0)
        throw std::runtime_error{"sched_setaffinity"};
}

/// Waits, on this CPU, until the word has reached a value.
std::size_t await(const word& which, std::size_t least) {
    for (;;) {
        if (const auto now = which.value.load(std::memory_order_acquire); now >= least)
            return now;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
}

double microseconds(steady_clock::time_point since) {
    return std::chrono::duration<double, std::micro>{steady_clock::now() - since}.count();
}

template <class There>
void in_another_process(There there) {
    const pid_t other = ::fork();
    if (other < 0)
        throw std::runtime_error{"fork"};
    if (other == 0) {
        run_on(1);
        there();
        ::_exit(0);
    }
    run_on(0);
}

/// Keeps the compiler from leaving out what makes `result`, or what it points to.
template <class Result>
void keep(Result result) {
    asm volatile("" ::"r"(result) : "memory");
}

double copy(std::size_t block, std::size_t total) {
    const std::vector<char> from(block, 'x');
    std::vector<char> to(block);
    const auto began = steady_clock::now();
    for (std::size_t at = 0; at < total; at += block) {
        std::memcpy(to.data(), from.data(), block);
        keep(to.data());
    }
    return static_cast<double>(total) / microseconds(began);
}

std::uint64_t touch(const char* bytes, std::size_t size) {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < size; at += 64)
        sum += static_cast<unsigned char>(bytes[at]);
    return sum;
}

double stream(std::size_t block, std::size_t ring, std::size_t total, bool in_place) {
    auto& memory = share(ring);
    const auto piece = std::min({block, ring / 4, std::size_t{8192}});
    total -= total % piece;
    in_another_process([&] {
        const std::vector<char> from(piece, 'x');
        std::size_t taken = 0;
        for (std::size_t at = 0; at != total; at += piece) {
            if (at + piece - taken > ring)
                taken = await(memory.there, at + piece - ring);
            const auto offset = at % ring, first = std::min(piece, ring - offset);
            std::memcpy(memory.ring + offset, from.data(), first);
            std::memcpy(memory.ring, from.data() + first, piece - first);
            memory.here.value.store(at + piece, std::memory_order_release);
        }
    });
    std::vector<char> to(8192);
    await(memory.here, 1);
    const auto began = steady_clock::now();
    for (std::size_t at = 0; at != total;) {
        const auto there = await(memory.here, at + 1);
        const auto size = std::min({there - at, to.size(), ring - at % ring});
        if (in_place)
            keep(touch(memory.ring + at % ring, size));
        else
            std::memcpy(to.data(), memory.ring + at % ring, size);
        keep(to.data());
        at += size;
        memory.there.value.store(at, std::memory_order_release);
    }
    return static_cast<double>(total) / microseconds(began);
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto size = words.size() > 1 ? std::stoul(words[1]) : 0;
    const auto ring = words.size() > 2 ? std::stoul(words[2]) : 0;
    const std::size_t total = size < 1024 ? 30'000'000 : 400'000'000;
    if (size != 0 && words[0] == "copy")
        std::printf("%.2f MB/s\n", copy(size, total));
    else if (ring != 0 && (words[0] == "stream" || words[0] == "touch"))
        std::printf("%.2f MB/s\n", stream(size, ring, total, words[0] == "touch"));
    else
        throw std::runtime_error{"usage: stream_limit copy SIZE | stream|touch SIZE RING"};
    ::wait(nullptr);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "stream_limit: %s\n", wrong.what());
    return 1;
}
