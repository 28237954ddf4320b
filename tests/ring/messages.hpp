#pragma once

#include <cstdint>

namespace xenring::test {

/// The sizes of a network request and response: an entry is 12 bytes, the response 4 of them.
struct request {
    std::uint32_t gref;
    std::uint16_t offset;
    std::uint16_t flags;
    std::uint16_t id;
    std::uint16_t size;
    friend bool operator==(const request&, const request&) = default;
};

struct response {
    std::uint16_t id;
    std::int16_t status;
    friend bool operator==(const response&, const response&) = default;
};

} // namespace xenring::test
