// The steps under observation, compiled at the optimisation level that the build asks for. Each one
// checks a length and then uses it, which is what tempts a compiler to fetch it a second time.
#include "single_fetch_steps.hpp"

#include <iterator>

namespace xenring::test {

using namespace ring;

void take_request(void* argument) {
    auto& a = *static_cast<back_arguments*>(argument);
    const auto taken = a.ring->pop();
    if (taken && taken->length <= sizeof taken->payload)
        for (std::uint32_t i = 0; i < taken->length; ++i)
            a.sum += taken->payload[i];
    if (taken)
        a.copy = *taken;
}

void take_request_in_place(void* argument) {
    auto& a = *static_cast<back_arguments*>(argument);
    if (a.ring->pop(a.copy) && a.copy.length <= sizeof a.copy.payload)
        for (std::uint32_t i = 0; i < a.copy.length; ++i)
            a.sum += a.copy.payload[i];
}

void take_odd_request(void* argument) {
    auto& a = *static_cast<odd_arguments*>(argument);
    if (odd_request taken; a.ring->pop(taken) && taken.length <= std::size(taken.payload))
        for (std::uint32_t i = 0; i < taken.length; ++i)
            a.sum += taken.payload[i];
}

void take_named_requests(void* argument) {
    auto& a = *static_cast<named_arguments*>(argument);
    a.ring->pop_each(2, [&a](const named_request& taken) {
        if (taken.length <= 4096 && taken.offset <= 4096 - taken.length)
            a.sum += taken.gref + taken.length;
    });
}

void take_requests(void* argument) {
    auto& a = *static_cast<back_arguments*>(argument);
    a.ring->pop_each(batch, [&a](const fetch_request& taken) {
        if (taken.length <= sizeof taken.payload)
            for (std::uint32_t i = 0; i < taken.length; ++i)
                a.sum += taken.payload[i];
    });
}

void answer_requests(void* argument) {
    auto& a = *static_cast<back_arguments*>(argument);
    a.ring->answer_each(batch, [](const fetch_request& taken) {
        const bool fits = taken.length <= sizeof taken.payload;
        return fetch_response{taken.flags, fits ? taken.payload[taken.length - 1] : 0u};
    });
}

void take_response(void* argument) {
    auto& a = *static_cast<front_arguments*>(argument);
    if (const auto taken = a.ring->pop(); taken && taken->status < 3)
        a.table[taken->status] = taken->id;
}

void fill_request(void* argument) {
    auto& a = *static_cast<front_arguments*>(argument);
    (void)a.ring->push(a.outgoing);
}

void fill_requests(void* argument) {
    auto& a = *static_cast<front_arguments*>(argument);
    a.ring->push_each(batch, [&a] { return a.outgoing; });
}

void copy_naively(void* argument) {
    auto& a = *static_cast<naive_arguments*>(argument);
    if (*static_cast<const volatile std::uint32_t*>(&a.slot->length) <= sizeof a.slot->payload)
        a.copy = copy_out<fetch_request>(a.slot);
}

} // namespace xenring::test
