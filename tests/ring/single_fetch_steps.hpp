#pragma once

#include <xenring/ring/request_ring.hpp>

#include <cstdint>

namespace xenring::test {

struct fetch_request {
    std::uint64_t id;
    std::uint32_t length;
    std::uint32_t flags;
    std::uint8_t payload[48];
};

struct fetch_response {
    std::uint32_t id;
    std::uint32_t status;
};

/// Covered by no single width of word: 16 + 8 + 4 + 2 bytes.
struct odd_request {
    std::uint16_t length;
    std::uint16_t payload[14];
};

/// Fetched member by member.
struct named_request {
    std::uint32_t gref;
    std::uint16_t offset;
    std::uint16_t length;
};

} // namespace xenring::test

template <>
inline constexpr xenring::ring::members<&xenring::test::named_request::gref,
                                        &xenring::test::named_request::offset,
                                        &xenring::test::named_request::length>
    xenring::ring::members_of<xenring::test::named_request>{};

namespace xenring::test {

using fetch_front = ring::front_ring<fetch_request, fetch_response>;
using fetch_back = ring::back_ring<fetch_request, fetch_response>;
using odd_front = ring::front_ring<odd_request, fetch_response>;
using odd_back = ring::back_ring<odd_request, fetch_response>;
using named_front = ring::front_ring<named_request, fetch_response>;
using named_back = ring::back_ring<named_request, fetch_response>;

/// As many as make the batch calls look ahead and cross the end of the memory.
constexpr std::size_t batch = 5;

struct back_arguments {
    fetch_back* ring;
    fetch_request copy{};
    std::uint32_t sum = 0;
};

struct odd_arguments {
    odd_back* ring;
    std::uint32_t sum = 0;
};

struct named_arguments {
    named_back* ring;
    std::uint32_t sum = 0;
};

struct front_arguments {
    fetch_front* ring;
    fetch_request outgoing{};
    std::uint32_t table[3]{};
};

struct naive_arguments {
    const fetch_request* slot;
    fetch_request copy{};
};

void take_request(void*);
void take_request_in_place(void*);
void take_odd_request(void*);
void take_named_requests(void*);
void take_requests(void*);
void answer_requests(void*);
void take_response(void*);
void fill_request(void*);
void fill_requests(void*);
void copy_naively(void*);

} // namespace xenring::test
