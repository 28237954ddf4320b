// ring_stress OPERATIONS: two threads for two domains, real sleeping and waking, and every message
// checked. Ends with 0 only if everything came through; a lost wake-up hangs, so run it under a
// time limit. Meant for ThreadSanitizer too.
#include "guarded_memory.hpp"

#include <xenring/ring/request_ring.hpp>
#include <xenring/ring/vchan_endpoint.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <thread>

namespace {

using namespace xenring::ring;

/// An event channel: notifications merge, and one that comes early is kept.
class event {
public:
    void notify() {
        if (!pending_.exchange(true))
            wake_.release();
    }
    void wait() {
        wake_.acquire();
        pending_.exchange(false); // sees what was done before the notification
    }

private:
    std::atomic<bool> pending_{false};
    std::counting_semaphore<4> wake_{0};
};

[[noreturn]] void fail(const char* what, std::uint64_t at) {
    std::fprintf(stderr, "ring_stress: %s at %llu\n", what, static_cast<unsigned long long>(at));
    std::exit(1);
}

void check(fault found, std::uint64_t at) {
    if (found != fault::none)
        fail(describe(found), at);
}

struct message {
    std::uint64_t number;
    std::uint64_t check;
};

std::uint64_t scrambled(std::uint64_t number) {
    return (number + 1) * 0x9e3779b97f4a7c15u;
}

struct channel {
    xenring::test::guarded_memory memory;
    event to_front, to_back;
};

using front = front_ring<message, message>;
using back = back_ring<message, message>;

/// The index begins close to its end, so that it wraps in every run.
constexpr std::uint32_t first_index = 0xfffff000u;

/// Batch sizes that have nothing to do with the size of the ring; 1 is for the single calls.
std::size_t batch(std::uint64_t at) {
    return 1 + scrambled(at) % 40;
}

void ask(channel& c, std::uint64_t operations) {
    front ring = front::attach(c.memory.bytes(), first_index);
    for (std::uint64_t sent = 0, received = 0, round = 0; received != operations; ++round) {
        const std::size_t most = batch(round);
        if (most == 1) {
            while (sent != operations && ring.push({sent, scrambled(sent)}))
                ++sent;
        } else {
            ring.push_each(std::min<std::uint64_t>(most, operations - sent), [&sent] {
                const std::uint64_t number = sent++;
                return message{number, scrambled(number)};
            });
        }
        if (ring.publish())
            c.to_back.notify();
        const std::uint64_t before = received;
        const auto take = [&received](const message& answer) {
            if (answer.number != received || answer.check != ~scrambled(received))
                fail("wrong response", received);
            ++received;
        };
        if (most % 2 == 0)
            while (const auto answer = ring.pop())
                take(*answer);
        else
            ring.pop_each(most, take);
        check(ring.fault(), received);
        if (received == before && !ring.arm())
            c.to_front.wait();
    }
}

void answer(channel& c, std::uint64_t operations) {
    back ring = back::attach(c.memory.bytes());
    for (std::uint64_t answered = 0; answered != operations;) {
        const std::uint64_t before = answered;
        const auto reply = [&answered](const message& asked) {
            if (asked.number != answered || asked.check != scrambled(answered))
                fail("wrong request", answered);
            ++answered;
            return message{asked.number, ~asked.check};
        };
        const std::size_t most = batch(answered);
        if (most % 2 != 0)
            ring.answer_each(most, reply);
        else
            while (const auto asked = ring.pop())
                if (!ring.push(reply(*asked)))
                    fail("no room for a response", answered);
        if (ring.publish())
            c.to_front.notify();
        check(ring.fault(), answered);
        if (answered == before && !ring.arm())
            c.to_back.wait();
    }
}

void requests(std::uint64_t operations) {
    channel c;
    (void)front::initialise(c.memory.bytes());
    auto& header = *reinterpret_cast<request_ring_header<std::uint32_t>*>(c.memory.bytes().data());
    header.req_prod = header.rsp_prod = first_index;
    header.req_event = header.rsp_event = first_index + 1;
    std::thread backend([&] { answer(c, operations); });
    ask(c, operations);
    backend.join();
}

/// Chunk sizes that have nothing to do with the size of the ring.
std::size_t chunk(std::uint64_t at) {
    return 1 + scrambled(at) % 700;
}

void write(channel& c, std::uint64_t bytes) {
    vchan_page page{c.memory.first_page()};
    vchan_output out{page, vchan_role::client, page.ring_in_page(10)};
    for (std::uint64_t at = 0; at != bytes;) {
        const byte_spans space = out.prepare(std::min<std::uint64_t>(chunk(at), bytes - at));
        for (const auto& part : {space.first, space.second})
            for (std::byte& b : part)
                b = static_cast<std::byte>(scrambled(at++) >> 56);
        out.commit(space.size());
        if (out.publish())
            c.to_back.notify();
        check(out.fault(), at);
        if (space.empty() && !out.arm())
            c.to_front.wait();
    }
    page.close(vchan_role::client);
    c.to_back.notify();
}

void read(channel& c, std::uint64_t bytes) {
    vchan_page page{c.memory.first_page()};
    vchan_input in{page, vchan_role::server, page.ring_in_page(10)};
    std::uint64_t at = 0;
    for (;;) {
        const const_byte_spans data = in.data();
        for (const auto& part : {data.first, data.second})
            for (const std::byte b : part)
                if (b != static_cast<std::byte>(scrambled(at++) >> 56))
                    fail("wrong byte", at - 1);
        in.consume(data.size());
        if (in.publish())
            c.to_front.notify();
        check(in.fault(), at);
        if (!data.empty())
            continue;
        if (in.ended())
            break;
        if (!in.arm())
            c.to_back.wait();
    }
    if (at != bytes)
        fail("bytes are missing after the end", at);
}

void stream(std::uint64_t bytes) {
    channel c;
    vchan_page page{c.memory.first_page()};
    if (page.initialise({10, 11}, {}) != fault::none)
        fail("no page", 0);
    page.control().left.cons = page.control().left.prod = first_index;
    page.connect();
    std::thread reader([&] { read(c, bytes); });
    write(c, bytes);
    reader.join();
}

} // namespace

int main(int argc, char** argv) {
    const std::uint64_t operations = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
    if (operations == 0) {
        std::fprintf(stderr, "usage: ring_stress OPERATIONS\n");
        return 2;
    }
    requests(operations);
    std::printf("%llu requests answered\n", static_cast<unsigned long long>(operations));
    stream(operations);
    std::printf("%llu bytes streamed\n", static_cast<unsigned long long>(operations));
    return 0;
}
