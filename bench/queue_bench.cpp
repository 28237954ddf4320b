// queue_bench boost|moodycamel tx|rx|blk BATCH COUNT: prints nanoseconds for one message from one
// thread to another, each polling on a CPU of its own.
//
// Queues for one producer and one consumer of one program, which trust each other: nothing comes
// back, and nothing is checked. Requests of messages.h, 256 slots; boost's queue takes a batch at
// once, moodycamel's has no such call. The consumer does what a back and then a front do with it.
#include "messages.h"
#include "pinned.hpp"

#include <boost/lockfree/spsc_queue.hpp>

#include <readerwriterqueue/readerwriterqueue.h>
#include <string>

namespace {

using namespace xenring::bench;

constexpr std::size_t slots = 256;

template <class Request, class Response>
struct kind {
    using request = Request;
    void (*fill)(Request*, std::uint64_t);
    void (*answer)(const Request*, Response*);
    std::uint64_t (*value)(const Response*);

    [[nodiscard]] std::uint64_t use(const Request& taken) const {
        Response response;
        answer(&taken, &response);
        return value(&response);
    }
};
constexpr kind<tx_request, tx_response> tx{tx_fill, tx_answer, tx_value};
constexpr kind<rx_request, rx_response> rx{rx_fill, rx_answer, rx_value};
constexpr kind<blk_request, blk_response> blk{blk_fill, blk_answer, blk_value};

template <class Request>
struct boost_queue {
    boost::lockfree::spsc_queue<Request, boost::lockfree::capacity<slots>> queue;

    std::size_t push(const Request* from, std::size_t count) { return queue.push(from, count); }
    template <class Take>
    std::size_t take(Take take) {
        return queue.consume_all(take);
    }
};

template <class Request>
struct moodycamel_queue {
    moodycamel::ReaderWriterQueue<Request> queue{slots};

    std::size_t push(const Request* from, std::size_t count) {
        std::size_t pushed = 0;
        while (pushed != count && queue.try_enqueue(from[pushed]))
            ++pushed;
        return pushed;
    }
    template <class Take>
    std::size_t take(Take take) {
        std::size_t taken = 0;
        for (Request request; queue.try_dequeue(request); ++taken)
            take(request);
        return taken;
    }
};

template <const auto& messages, template <class> class Queue>
void run(unsigned batch, std::uint64_t count) {
    using request = typename std::decay_t<decltype(messages)>::request;
    Queue<request> queue;
    std::uint64_t sum = 0, expected = 0;
    print_time_of(count, [&] {
        const auto other = beside([&] {
            for (std::uint64_t taken = 0; taken != count;)
                taken += queue.take([&](const request& each) { sum += messages.use(each); });
        });
        std::vector<request> some(batch);
        for (std::uint64_t sent = 0; sent != count; sent += batch) {
            for (unsigned i = 0; i != batch; ++i)
                messages.fill(&some[i], sent + i);
            for (std::size_t done = 0; done != batch;)
                done += queue.push(some.data() + done, batch - done);
        }
    });
    for (std::uint64_t number = 0; number != count; ++number) {
        request each;
        messages.fill(&each, number);
        expected += messages.use(each);
    }
    if (sum != expected)
        throw std::runtime_error{"not everything came through"};
}

template <template <class> class Queue>
void run(const std::string& messages, unsigned batch, std::uint64_t count) {
    messages == "tx"   ? run<tx, Queue>(batch, count)
    : messages == "rx" ? run<rx, Queue>(batch, count)
                       : run<blk, Queue>(batch, count);
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 4)
        throw std::runtime_error{"usage: queue_bench boost|moodycamel tx|rx|blk BATCH COUNT"};
    const auto batch = std::clamp<unsigned>(static_cast<unsigned>(std::stoul(words[2])), 1, slots);
    const auto count = std::max<std::uint64_t>(1, std::stoull(words[3]) / batch) * batch;
    use_cpu(0);
    words[0] == "boost" ? run<boost_queue>(words[1], batch, count)
                        : run<moodycamel_queue>(words[1], batch, count);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "queue_bench: %s\n", wrong.what());
    return 1;
}
