// Every state of a small ring with 8-bit indices, and every value that a peer can put there,
// against an oracle that counts in whole numbers, which do not wrap.
#include <xenring/ring/byte_ring.hpp>
#include <xenring/ring/request_ring.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace xenring::ring {
namespace {

using index = std::uint8_t;
constexpr int size = 4;
constexpr int every_index = 256;

using front = front_ring<std::uint64_t, std::uint64_t, index>;
using back = back_ring<std::uint64_t, std::uint64_t, index>;

struct ring_memory {
    alignas(8) std::array<std::byte, 64 + size * 8> bytes{};
    request_ring_header<index>& shared() {
        return *reinterpret_cast<request_ring_header<index>*>(bytes.data());
    }
};

/// The whole number nearest above `from` that an index can stand for.
int unwrap(int from, int value) {
    int whole = from - from % every_index + value;
    return whole < from ? whole + every_index : whole;
}

struct verdict {
    fault why;
    int available;
};

/// `consumed`, `known` and `most` are whole numbers: what was taken, what the peer had shown
/// before, and the most that it can rightly show now.
verdict oracle(int consumed, int known, int most, int value, fault beyond_most) {
    const int claimed = unwrap(consumed, value);
    if (claimed - consumed > size)
        return {fault::producer_overrun, 0};
    if (claimed < known)
        return {fault::index_went_back, 0};
    if (claimed > most)
        return {beyond_most, 0};
    return {fault::none, claimed - consumed};
}

/// Calls step(base, sent, known, taken) for 0 <= taken <= known <= sent <= size at every base.
template <class Step>
void every_state(Step step) {
    for (int base = 0; base != every_index && !testing::Test::HasFailure(); ++base)
        for (int sent = 0; sent <= size; ++sent)
            for (int known = 0; known <= sent; ++known)
                for (int taken = 0; taken <= known; ++taken)
                    step(base, sent, known, taken);
}

TEST(Exhaustive, FrontJudgesEveryResponseIndexLikeTheOracle) {
    every_state([](int base, int sent, int known, int taken) {
        for (int value = 0; value != every_index; ++value) {
            ring_memory memory;
            front f = front::attach(memory.bytes, index(base));
            memory.shared().rsp_prod = index(base);
            for (int n = 0; n != sent; ++n)
                ASSERT_TRUE(f.push(7));
            (void)f.publish();
            memory.shared().rsp_prod = index(base + known);
            ASSERT_EQ(f.available(), std::size_t(known));
            for (int n = 0; n != taken; ++n)
                ASSERT_TRUE(f.pop());
            ASSERT_EQ(f.free(), std::size_t(size - sent + taken));

            memory.shared().rsp_prod = index(value);
            const auto expected =
                oracle(base + taken, base + known, base + sent, value, fault::unexpected_response);
            ASSERT_EQ(f.available(), std::size_t(expected.available));
            ASSERT_EQ(f.fault(), expected.why)
                << base << ' ' << sent << ' ' << known << ' ' << taken << ' ' << value;
            ASSERT_EQ(f.pop().has_value(), expected.available > 0);
        }
    });
}

TEST(Exhaustive, BackJudgesEveryRequestIndexLikeTheOracle) {
    // Here `sent` plays the part of requests taken, `taken` of those that were answered.
    every_state([](int base, int popped, int pushed, int answered) {
        for (int value = 0; value != every_index; ++value) {
            ring_memory memory;
            memory.shared().rsp_prod = index(base);
            memory.shared().req_prod = index(base + popped);
            back b = back::attach(memory.bytes);
            for (int n = 0; n != popped; ++n)
                ASSERT_TRUE(b.pop());
            for (int n = 0; n != answered; ++n)
                ASSERT_TRUE(b.push(7));
            (void)b.publish();
            for (int n = answered; n != pushed; ++n)
                ASSERT_TRUE(b.push(7));
            ASSERT_EQ(b.free(), std::size_t(popped - pushed));

            memory.shared().req_prod = index(value);
            const auto expected = oracle(base + popped, base + popped, base + answered + size,
                                         value, fault::producer_overrun);
            ASSERT_EQ(b.available(), std::size_t(expected.available));
            ASSERT_EQ(b.fault(), expected.why);
        }
    });
}

constexpr std::uint64_t mark = 100; // what a slot holds before: this and its number

void mark_slots(ring_memory& memory) {
    for (std::uint64_t slot = 0; slot != size; ++slot) {
        const std::uint64_t marked = mark + slot;
        std::memcpy(&memory.bytes[64 + slot * 8], &marked, sizeof marked);
    }
}

std::uint64_t slot_at(const ring_memory& memory, int position) {
    std::uint64_t value = 0;
    std::memcpy(&value, &memory.bytes[64 + std::size_t(position % size) * 8], sizeof value);
    return value;
}

/// What a batch of at most `most` gets: without a look if it knows of enough.
verdict batch_oracle(const verdict& after_look, int known, int most) {
    if (known >= most)
        return {fault::none, most};
    return {after_look.why, std::min(after_look.available, most)};
}

TEST(Exhaustive, AFrontsBatchesTakeAndFillWhatTheOracleSays) {
    every_state([](int base, int sent, int known, int taken) {
        for (int value = 0; value != every_index; ++value) {
            ring_memory memory;
            front f = front::attach(memory.bytes, index(base));
            memory.shared().rsp_prod = index(base);
            ASSERT_EQ(f.push_each(std::size_t(sent), [] { return 7u; }), std::size_t(sent));
            (void)f.publish();
            memory.shared().rsp_prod = index(base + known);
            ASSERT_EQ(f.available(), std::size_t(known));
            ASSERT_EQ(f.pop_each(std::size_t(taken), [](std::uint64_t) {}), std::size_t(taken));
            mark_slots(memory);

            memory.shared().rsp_prod = index(value);
            const int most = (base + value) % (size + 2);
            const auto expected = batch_oracle(
                oracle(base + taken, base + known, base + sent, value, fault::unexpected_response),
                known - taken, most);
            int next = base + taken;
            const auto count = f.pop_each(std::size_t(most), [&](std::uint64_t message) {
                EXPECT_EQ(message, mark + std::uint64_t(next++ % size));
            });
            ASSERT_EQ(count, std::size_t(expected.available));
            ASSERT_EQ(next, base + taken + expected.available);
            ASSERT_EQ(f.fault(), expected.why);

            const int room =
                expected.why == fault::none ? size - sent + taken + expected.available : 0;
            std::uint64_t message = 1;
            ASSERT_EQ(f.push_each(std::size_t(most), [&] { return message++; }),
                      std::size_t(std::min(most, room)));
            for (int n = 0; n != size; ++n) {
                const bool filled = n < std::min(most, room);
                const int position = base + sent + n;
                ASSERT_EQ(slot_at(memory, position),
                          filled ? std::uint64_t(n + 1) : mark + std::uint64_t(position % size));
            }
        }
    });
}

TEST(Exhaustive, ABacksBatchesAnswerWhatTheOracleSays) {
    // As above: `popped` requests were taken, `answered` of the responses to them published.
    every_state([](int base, int popped, int pushed, int answered) {
        for (int value = 0; value != every_index; ++value) {
            ring_memory memory;
            memory.shared().rsp_prod = index(base);
            memory.shared().req_prod = index(base + popped);
            back b = back::attach(memory.bytes);
            ASSERT_EQ(b.pop_each(size, [](std::uint64_t) {}), std::size_t(popped));
            ASSERT_EQ(b.push_each(std::size_t(answered), [] { return 7u; }), std::size_t(answered));
            (void)b.publish();
            ASSERT_EQ(b.push_each(std::size_t(pushed - answered), [] { return 7u; }),
                      std::size_t(pushed - answered));
            mark_slots(memory);

            memory.shared().req_prod = index(value);
            const int most = (base + value) % (size + 2);
            const auto expected =
                batch_oracle(oracle(base + popped, base + popped, base + answered + size, value,
                                    fault::producer_overrun),
                             0, most);
            int next = base + popped;
            // A request whose slot was answered meanwhile holds that answer: none may.
            const auto count = b.answer_each(std::size_t(most), [&](std::uint64_t request) {
                EXPECT_EQ(request, mark + std::uint64_t(next++ % size));
                return request + mark;
            });
            ASSERT_EQ(count, std::size_t(expected.available));
            ASSERT_EQ(b.fault(), expected.why);
            ASSERT_EQ(b.free(), expected.why == fault::none ? std::size_t(popped - pushed) : 0u);
            for (int n = 0; n != expected.available; ++n)
                ASSERT_EQ(slot_at(memory, base + pushed + n),
                          2 * mark + std::uint64_t((base + popped + n) % size));
        }
    });
}

TEST(Exhaustive, PublishNotifiesExactlyIfAStepReachesTheEvent) {
    for (int base = 0; base != every_index; ++base)
        for (int batch = 1; batch <= size; ++batch)
            for (int event = 0; event != every_index; ++event) {
                ring_memory memory;
                front f = front::attach(memory.bytes, index(base));
                for (int n = 0; n != batch; ++n)
                    ASSERT_TRUE(f.push(1));
                memory.shared().req_event = index(event);
                bool reached = false;
                for (int n = 1; n <= batch; ++n)
                    reached = reached || index(base + n) == event;
                ASSERT_EQ(f.publish(), reached);
                ASSERT_EQ(memory.shared().req_prod, index(base + batch));
            }
}

TEST(Exhaustive, ArmAsksForTheRightIndex) {
    for (int base = 0; base != every_index; ++base)
        for (int messages = 1; messages <= size; ++messages)
            for (int there = 0; there <= size; ++there) {
                ring_memory memory;
                memory.shared().rsp_prod = index(base);
                back b = back::attach(memory.bytes);
                memory.shared().req_prod = index(base + there);
                ASSERT_EQ(b.arm(index(messages)), there >= messages);
                const int untouched = 0;
                ASSERT_EQ(memory.shared().req_event,
                          index(there < messages ? base + messages : untouched));
            }
}

TEST(Exhaustive, ByteProducerJudgesEveryConsumerIndexLikeTheOracle) {
    every_state([](int base, int written, int known, int extra) {
        for (int value = 0; value != every_index; ++value) {
            std::array<std::byte, size> buffer{};
            index producer = index(base), consumer = index(base);
            basic_byte_producer<index> p(producer, consumer, buffer);
            p.commit(std::size_t(written));
            (void)p.publish();
            consumer = index(base + known);
            ASSERT_EQ(p.free(), std::size_t(size - written + known));
            const int hidden = std::min(extra, size - written + known);
            p.commit(std::size_t(hidden));

            consumer = index(value);
            // Whole numbers below the producer: what a consumer index can stand for.
            int claimed = base + every_index + written;
            while (claimed % every_index != value)
                --claimed;
            const int unread = base + every_index + written - claimed;
            const fault why = unread > size              ? fault::consumer_overrun
                              : unread > written - known ? fault::index_went_back
                                                         : fault::none;
            ASSERT_EQ(p.free(), why != fault::none ? 0u : std::size_t(size - unread - hidden));
            ASSERT_EQ(p.fault(), why);
        }
    });
}

TEST(Exhaustive, ByteConsumerJudgesEveryProducerIndexLikeTheOracle) {
    every_state([](int base, int known, int taken, int published) {
        for (int value = 0; value != every_index; ++value) {
            std::array<std::byte, size> buffer{};
            index producer = index(base + known), consumer = index(base);
            basic_byte_consumer<index> c(consumer, producer, buffer);
            c.consume(std::size_t(published));
            (void)c.publish();
            c.consume(std::size_t(taken - published));

            producer = index(value);
            const int claimed = unwrap(base + published, value);
            const fault why = claimed - base - published > size ? fault::producer_overrun
                              : claimed < base + known          ? fault::index_went_back
                                                                : fault::none;
            ASSERT_EQ(c.available(), why != fault::none ? 0u : std::size_t(claimed - base - taken));
            ASSERT_EQ(c.fault(), why);
        }
    });
}

TEST(Exhaustive, ByteSpansAreTheRightBytesAtEveryIndexAndLength) {
    for (int base = 0; base != every_index; ++base)
        for (int count = 0; count <= size; ++count) {
            std::array<std::byte, size> buffer{};
            index producer = index(base), consumer = index(base);
            basic_byte_producer<index> p(producer, consumer, buffer);
            basic_byte_consumer<index> c(consumer, producer, buffer);
            const byte_spans space = p.prepare(std::size_t(count));
            ASSERT_EQ(space.size(), std::size_t(count));
            int value = 1;
            for (std::byte& b : space.first)
                b = std::byte(value++);
            for (std::byte& b : space.second)
                b = std::byte(value++);
            for (int n = 0; n != count; ++n)
                ASSERT_EQ(buffer[std::size_t(base + n) % size], std::byte(n + 1));
            p.commit(std::size_t(count));
            (void)p.publish();
            const const_byte_spans data = c.data();
            ASSERT_EQ(data.size(), std::size_t(count));
            value = 1;
            for (std::byte b : data.first)
                ASSERT_EQ(b, std::byte(value++));
            for (std::byte b : data.second)
                ASSERT_EQ(b, std::byte(value++));
        }
}

} // namespace
} // namespace xenring::ring
