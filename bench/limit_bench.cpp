// limit_bench line|syscall|uring BATCH COUNT: prints nanoseconds for one.
//
//     line      a cache line there and back between two threads, each polling on a CPU of its own:
//               median and percentiles; nothing that two domains say to each other is faster
//     syscall   a call of the kernel that does nothing; no notification is cheaper
//     uring     a request of io_uring that does nothing (NOP), BATCH of them submitted at once
#include "pinned.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <liburing.h>
#include <string>
#include <system_error>

namespace {

using namespace xenring::bench;

struct alignas(64) line {
    std::atomic<std::uint64_t> number{0};
};

void lines(std::uint64_t count) {
    line there, back;
    const auto other = beside([&] {
        for (std::uint64_t number = 1; number <= count; ++number) {
            while (there.number.load(std::memory_order_acquire) != number)
                ;
            back.number.store(number, std::memory_order_release);
        }
    });
    round_trips times(count);
    for (std::uint64_t number = 1; number <= count; ++number) {
        there.number.store(number, std::memory_order_release);
        while (back.number.load(std::memory_order_acquire) != number)
            ;
        times.lap();
    }
    times.print();
}

/// What liburing gives: a negative number is an errno.
unsigned checked(int result, const char* what) {
    if (result < 0)
        throw std::system_error{-result, std::system_category(), what};
    return static_cast<unsigned>(result);
}

void nops(unsigned batch, std::uint64_t count) {
    io_uring ring;
    checked(::io_uring_queue_init(256, &ring, 0), "io_uring_queue_init");
    std::uint64_t sum = 0;
    print_time_of(count, [&] {
        for (std::uint64_t done = 0; done < count; done += batch) {
            for (unsigned i = 0; i != batch; ++i) {
                io_uring_sqe* const entry = ::io_uring_get_sqe(&ring);
                ::io_uring_prep_nop(entry);
                entry->user_data = done + i;
            }
            checked(::io_uring_submit(&ring), "io_uring_submit");
            unsigned head = 0, taken = 0;
            io_uring_cqe* entry = nullptr;
            io_uring_for_each_cqe(&ring, head, entry) {
                sum += entry->user_data;
                ++taken;
            }
            ::io_uring_cq_advance(&ring, taken);
        }
    });
    ::io_uring_queue_exit(&ring);
    if (sum != count * (count - 1) / 2)
        throw std::runtime_error{"not every request was completed"};
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 3)
        throw std::runtime_error{"usage: limit_bench line|syscall|uring BATCH COUNT"};
    const auto batch = std::clamp<unsigned>(static_cast<unsigned>(std::stoul(words[1])), 1, 256);
    const auto count = std::max<std::uint64_t>(1, std::stoull(words[2]) / batch) * batch;
    use_cpu(0);
    if (words[0] == "line")
        lines(count);
    else if (words[0] == "uring")
        nops(batch, count);
    else
        print_time_of(count, [count] {
            for (std::uint64_t i = 0; i != count; ++i)
                ::syscall(SYS_getppid);
        });
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "limit_bench: %s\n", wrong.what());
    return 1;
}
