// Our halves against the macros of Xen's ring.h, in every pairing, in lockstep: after each step all
// four pages must be equal to the byte and all four answers the same.
#include "guarded_memory.hpp"
#include "messages.hpp"
#include "xen_ring.h"

#include <xenring/ring/request_ring.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace xenring::ring {
namespace {

using test::request;
using test::response;

/// The same steps for a front or a back of either kind.
struct half {
    virtual ~half() = default;
    virtual bool push(std::uint16_t id) = 0;
    virtual bool publish() = 0;
    virtual std::optional<std::uint16_t> pop() = 0;
    virtual bool arm() = 0;
    /// `most` messages, by one call where there is one. How many, and their ids.
    virtual std::size_t push_many(std::uint16_t id, std::size_t most) {
        std::size_t count = 0;
        while (count != most && push(static_cast<std::uint16_t>(id + count)))
            ++count;
        return count;
    }
    virtual std::vector<std::uint16_t> pop_many(std::size_t most) {
        std::vector<std::uint16_t> ids;
        while (ids.size() != most)
            if (const auto id = pop())
                ids.push_back(*id);
            else
                break;
        return ids;
    }
};

request request_of(std::uint16_t id) {
    return {0x10000u + id, std::uint16_t(id * 3), std::uint16_t(id ^ 0x55), id, 77};
}
response response_of(std::uint16_t id) {
    return {id, std::int16_t(-id)};
}

template <class Ring, class Message, Message (*make)(std::uint16_t)>
struct our_half final : half {
    explicit our_half(Ring taken) : ring(std::move(taken)) {}
    bool push(std::uint16_t id) override { return ring.push(make(id)); }
    bool publish() override { return ring.publish(); }
    std::optional<std::uint16_t> pop() override {
        const auto message = ring.pop();
        EXPECT_EQ(ring.fault(), fault::none);
        return message ? std::optional(message->id) : std::nullopt;
    }
    bool arm() override { return ring.arm(); }
    std::size_t push_many(std::uint16_t id, std::size_t most) override {
        return ring.push_each(most, [&id] { return make(id++); });
    }
    std::vector<std::uint16_t> pop_many(std::size_t most) override {
        std::vector<std::uint16_t> ids;
        ring.pop_each(most, [&ids](const auto& message) { ids.push_back(message.id); });
        EXPECT_EQ(ring.fault(), fault::none);
        return ids;
    }
    Ring ring;
};
using our_front = our_half<front_ring<request, response>, request, request_of>;
using our_back = our_half<back_ring<request, response>, response, response_of>;

template <class Ring, class Out, class In, auto make, auto push_, auto publish_, auto pop_,
          auto arm_, auto free_>
struct xen_half final : half {
    explicit xen_half(Ring* taken) : ring(taken) {}
    ~xen_half() override { free_(ring); }
    bool push(std::uint16_t id) override {
        const auto ours = make(id);
        Out message;
        static_assert(sizeof message == sizeof ours);
        std::memcpy(&message, &ours, sizeof message);
        return push_(ring, &message) != 0;
    }
    bool publish() override { return publish_(ring) != 0; }
    std::optional<std::uint16_t> pop() override {
        In message;
        return pop_(ring, &message) != 0 ? std::optional(message.id) : std::nullopt;
    }
    bool arm() override { return arm_(ring) != 0; }
    Ring* ring;
};
using their_front = xen_half<xen_front, xen_request, xen_response, request_of, xen_front_push,
                             xen_front_publish, xen_front_pop, xen_front_arm, xen_front_free>;
using their_back = xen_half<xen_back, xen_response, xen_request, response_of, xen_back_push,
                            xen_back_publish, xen_back_pop, xen_back_arm, xen_back_free>;

struct pairing {
    test::guarded_memory memory;
    std::unique_ptr<half> front, back;
};

/// The four pairings of {our, Xen's} front with {our, Xen's} back, on a page each.
class Interop : public testing::Test {
protected:
    void begin_fresh() {
        for (std::size_t i = 0; i != 4; ++i) {
            const auto page = pairs[i].memory.bytes();
            std::memset(page.data(), 0xa5, page.size());
            if (i & 1)
                pairs[i].front =
                    std::make_unique<our_front>(front_ring<request, response>::initialise(page));
            else
                pairs[i].front =
                    std::make_unique<their_front>(xen_front_initialise(page.data(), page.size()));
        }
        attach_backs(0);
    }

    void begin_at(std::uint32_t index) {
        for (std::size_t i = 0; i != 4; ++i) {
            const auto page = pairs[i].memory.bytes();
            const std::uint32_t words[] = {index, index + 1, index, index + 1};
            std::memcpy(page.data(), words, sizeof words);
            if (i & 1)
                pairs[i].front =
                    std::make_unique<our_front>(front_ring<request, response>::attach(page, index));
            else
                pairs[i].front = std::make_unique<their_front>(
                    xen_front_attach(page.data(), page.size(), index));
        }
        attach_backs(index);
    }

    void attach_backs(std::uint32_t index) {
        for (std::size_t i = 0; i != 4; ++i) {
            const auto page = pairs[i].memory.bytes();
            if (i & 2)
                pairs[i].back =
                    std::make_unique<our_back>(back_ring<request, response>::attach(page));
            else
                pairs[i].back =
                    std::make_unique<their_back>(xen_back_attach(page.data(), page.size(), index));
        }
    }

    template <class Step>
    auto all(Step step) {
        const auto first = step(pairs[0]);
        for (std::size_t i = 1; i != 4; ++i)
            EXPECT_EQ(step(pairs[i]), first) << "pairing " << i;
        for (std::size_t i = 1; i != 4; ++i)
            EXPECT_EQ(std::memcmp(pairs[i].memory.bytes().data(), pairs[0].memory.bytes().data(),
                                  test::guarded_memory::page),
                      0)
                << "page of pairing " << i;
        return first;
    }

    void random_steps(unsigned seed, int count) {
        std::mt19937 random(seed);
        for (int n = 0; n != count && !HasFailure(); ++n) {
            const bool front = random() % 2 != 0;
            const auto id = static_cast<std::uint16_t>(random());
            const auto side = [&](pairing& p) -> half& { return front ? *p.front : *p.back; };
            switch (random() % 10) {
            case 0:
                all([&](pairing& p) { return side(p).publish(); });
                break;
            case 1:
                all([&](pairing& p) { return side(p).arm(); });
                break;
            case 2:
            case 3:
            case 4:
                all([&](pairing& p) { return side(p).pop(); });
                break;
            case 5:
                all([&](pairing& p) { return side(p).pop_many(id % 50); });
                break;
            case 6:
                all([&](pairing& p) { return side(p).push_many(id, id % 50); });
                break;
            default:
                all([&](pairing& p) { return side(p).push(id); });
            }
        }
    }

    pairing pairs[4];
};

TEST_F(Interop, FreshRingsAreEqualByteForByte) {
    begin_fresh();
    all([](pairing&) { return true; });
}

TEST_F(Interop, RandomTrafficKeepsPagesAndNotificationsEqual) {
    for (unsigned seed = 1; seed != 21 && !HasFailure(); ++seed) {
        begin_fresh();
        random_steps(seed, 20000);
    }
}

TEST_F(Interop, TrafficStaysEqualThroughTheWrapOfTheIndex) {
    for (unsigned seed = 1; seed != 21 && !HasFailure(); ++seed) {
        begin_at(0xffffffffu - seed * 37);
        random_steps(seed, 20000);
    }
}

TEST_F(Interop, ABackAttachesToARunningRingAndPopsUnansweredRequestsAgain) {
    begin_fresh();
    for (std::uint16_t id = 0; id != 10; ++id)
        all([&](pairing& p) { return p.front->push(id); });
    all([](pairing& p) { return p.front->publish(); });
    for (int n = 0; n != 6; ++n)
        all([](pairing& p) { return p.back->pop(); });
    for (std::uint16_t id = 0; id != 4; ++id)
        all([&](pairing& p) { return p.back->push(id); });
    all([](pairing& p) { return p.back->publish(); });
    attach_backs(4);
    for (std::uint16_t id = 4; id != 10; ++id)
        EXPECT_EQ(all([](pairing& p) { return p.back->pop(); }), std::optional(id));
    EXPECT_EQ(all([](pairing& p) { return p.back->pop(); }), std::nullopt);
}

} // namespace
} // namespace xenring::ring
