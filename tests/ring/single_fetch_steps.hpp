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

using fetch_front = ring::front_ring<fetch_request, fetch_response>;
using fetch_back = ring::back_ring<fetch_request, fetch_response>;
using odd_front = ring::front_ring<odd_request, fetch_response>;
using odd_back = ring::back_ring<odd_request, fetch_response>;

struct back_arguments {
    fetch_back* ring;
    fetch_request copy{};
    std::uint32_t sum = 0;
};

struct odd_arguments {
    odd_back* ring;
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
void take_response(void*);
void fill_request(void*);
void copy_naively(void*);

} // namespace xenring::test
