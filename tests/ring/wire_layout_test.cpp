// Sizes and offsets against Xen's own headers. Almost everything here is checked by the compiler.
#include "messages.hpp"

#include <xenring/ring/request_ring.hpp>
#include <xenring/ring/vchan_page.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {
#include <xen/io/libxenvchan.h>
#include <xen/io/ring.h>
}

namespace xenring::ring {
namespace {

DEFINE_RING_TYPES(sample, test::request, test::response);

using header = request_ring_header<std::uint32_t>;
static_assert(sizeof(RING_IDX) == sizeof(std::uint32_t));
static_assert(offsetof(header, req_prod) == offsetof(sample_sring, req_prod));
static_assert(offsetof(header, req_event) == offsetof(sample_sring, req_event));
static_assert(offsetof(header, rsp_prod) == offsetof(sample_sring, rsp_prod));
static_assert(offsetof(header, rsp_event) == offsetof(sample_sring, rsp_event));
static_assert(sizeof(header) == offsetof(sample_sring, ring));

static_assert(sizeof(vchan_indices) == sizeof(ring_shared));
static_assert(offsetof(vchan_indices, cons) == offsetof(ring_shared, cons));
static_assert(offsetof(vchan_indices, prod) == offsetof(ring_shared, prod));
static_assert(offsetof(vchan_control, left) == offsetof(vchan_interface, left));
static_assert(offsetof(vchan_control, right) == offsetof(vchan_interface, right));
static_assert(offsetof(vchan_control, left_order) == offsetof(vchan_interface, left_order));
static_assert(offsetof(vchan_control, right_order) == offsetof(vchan_interface, right_order));
static_assert(offsetof(vchan_control, cli_live) == offsetof(vchan_interface, cli_live));
static_assert(offsetof(vchan_control, srv_live) == offsetof(vchan_interface, srv_live));
static_assert(offsetof(vchan_control, cli_notify) == offsetof(vchan_interface, cli_notify));
static_assert(offsetof(vchan_control, srv_notify) == offsetof(vchan_interface, srv_notify));
static_assert(vchan_references_offset == offsetof(vchan_interface, grants));
static_assert(vchan_notify_write == VCHAN_NOTIFY_WRITE);
static_assert(vchan_notify_read == VCHAN_NOTIFY_READ);

// What may stand in a ring, and what may not.
struct padded {
    std::uint8_t a;
    std::uint32_t b;
};
struct padded_but_cleared {
    std::uint8_t a;
    std::uint32_t b;
};
struct with_destructor {
    std::uint32_t a;
    ~with_destructor() {}
};

} // namespace

template <>
inline constexpr bool padding_is_cleared<padded_but_cleared> = true;

namespace {

static_assert(ring_message<test::request> && ring_message<test::response>);
static_assert(ring_message<std::uint64_t>);
static_assert(!ring_message<padded>);
static_assert(ring_message<padded_but_cleared>);
static_assert(!ring_message<with_destructor>);
static_assert(!ring_message<const test::request>);
static_assert(!ring_message<int*>);

template <class Request, class Response, class Shared>
std::size_t our_capacity(std::size_t bytes) {
    alignas(8) static std::byte memory[4 * 4096];
    return front_ring<Request, Response>::initialise({memory, bytes}).capacity();
}

TEST(WireLayout, CapacityIsThatOfRingSizeForOneToFourPages) {
    for (std::size_t bytes = 4096; bytes <= 4 * 4096; bytes += 4096)
        EXPECT_EQ((our_capacity<test::request, test::response, sample_sring>(bytes)),
                  __CONST_RING_SIZE(sample, bytes));
}

struct big_request {
    std::uint64_t words[14];
};
DEFINE_RING_TYPES(big, big_request, test::response);

TEST(WireLayout, CapacityIsThatOfRingSizeForALargeEntry) {
    EXPECT_EQ((our_capacity<big_request, test::response, big_sring>(4096)),
              __CONST_RING_SIZE(big, 4096));
    EXPECT_EQ((our_capacity<big_request, test::response, big_sring>(4096)), 32u);
}

} // namespace
} // namespace xenring::ring
