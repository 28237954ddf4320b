// queue_bench boost|moodycamel|boost-pair tx|rx|blk BATCH COUNT: prints nanoseconds for one message
// from one thread to another, each polling on a CPU of its own.
//
// Queues for one producer and one consumer of one program, which trust each other: nothing is
// checked. Requests of messages.h, 256 slots; boost's queue takes a batch at once, moodycamel's has
// no such call. Nothing comes back: the consumer does what a back and then a front do with it. With
// boost-pair a second queue brings each request's response back, as a ring does in the same memory.
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
    using response = Response;
    void (*fill)(Request*, std::uint64_t);
    void (*answer)(const Request*, Response*);
    std::uint64_t (*value)(const Response*);

    [[nodiscard]] std::uint64_t use(const Request& taken) const {
        Response answered;
        answer(&taken, &answered);
        return value(&answered);
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

/// All values that come out at the end.
template <const auto& messages>
std::uint64_t expected(std::uint64_t count) {
    std::uint64_t sum = 0;
    for (std::uint64_t number = 0; number != count; ++number) {
        typename std::decay_t<decltype(messages)>::request each;
        messages.fill(&each, number);
        sum += messages.use(each);
    }
    return sum;
}

void check(bool right) {
    if (!right)
        throw std::runtime_error{"not everything came through"};
}

template <const auto& messages, template <class> class Queue>
void run(unsigned batch, std::uint64_t count) {
    using request = typename std::decay_t<decltype(messages)>::request;
    Queue<request> queue;
    std::uint64_t sum = 0;
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
    check(sum == expected<messages>(count));
}

/// One queue for requests and one for responses.
template <const auto& messages>
struct both_ways {
    using request = typename std::decay_t<decltype(messages)>::request;
    using response = typename std::decay_t<decltype(messages)>::response;
    boost_queue<request> requests;
    boost_queue<response> responses;

    /// Answers what is there, a batch of responses at once.
    std::size_t serve(std::vector<response>& answers) {
        answers.clear();
        requests.take(
            [&](const request& each) { messages.answer(&each, &answers.emplace_back()); });
        for (std::size_t done = 0; done != answers.size();)
            done += responses.push(answers.data() + done, answers.size() - done);
        return answers.size();
    }

    std::uint64_t run_front(unsigned batch, std::uint64_t count) {
        std::vector<request> some(batch);
        std::uint64_t sum = 0;
        std::size_t pushed = batch; // of `some`, which is filled anew when all of it is
        for (std::uint64_t sent = 0, received = 0; received != count;) {
            if (pushed == batch && sent != count) {
                for (auto& each : some)
                    messages.fill(&each, sent++);
                pushed = 0;
            }
            pushed += requests.push(some.data() + pushed, batch - pushed);
            received += responses.take([&](const response& each) { sum += messages.value(&each); });
        }
        return sum;
    }
};

template <const auto& messages>
void run_both_ways(unsigned batch, std::uint64_t count) {
    both_ways<messages> queues;
    std::uint64_t sum = 0;
    print_time_of(count, [&] {
        const auto other = beside([&] {
            std::vector<typename both_ways<messages>::response> answers;
            answers.reserve(slots);
            for (std::uint64_t served = 0; served != count;)
                served += queues.serve(answers);
        });
        sum = queues.run_front(batch, count);
    });
    check(sum == expected<messages>(count));
}

void run_both_ways(const std::string& messages, unsigned batch, std::uint64_t count) {
    messages == "tx"   ? run_both_ways<tx>(batch, count)
    : messages == "rx" ? run_both_ways<rx>(batch, count)
                       : run_both_ways<blk>(batch, count);
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
        throw std::runtime_error{
            "usage: queue_bench boost|moodycamel|boost-pair tx|rx|blk BATCH COUNT"};
    const auto batch = std::clamp<unsigned>(static_cast<unsigned>(std::stoul(words[2])), 1, slots);
    const auto count = std::max<std::uint64_t>(1, std::stoull(words[3]) / batch) * batch;
    use_cpu(0);
    words[0] == "boost"        ? run<boost_queue>(words[1], batch, count)
    : words[0] == "moodycamel" ? run<moodycamel_queue>(words[1], batch, count)
                               : run_both_ways(words[1], batch, count);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "queue_bench: %s\n", wrong.what());
    return 1;
}
