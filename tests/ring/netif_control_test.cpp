// The control ring: what each message does, and what a guest cannot do with it.
#include <xenring/ring/netif_control.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

extern "C" {
#include <xen/io/netif.h>
}

namespace xenring::ring::netif {
namespace {

static_assert(sizeof(ctrl_request) == sizeof(xen_netif_ctrl_request));
static_assert(offsetof(ctrl_request, type) == offsetof(xen_netif_ctrl_request, type));
static_assert(offsetof(ctrl_request, data) == offsetof(xen_netif_ctrl_request, data));
static_assert(sizeof(ctrl_response) == sizeof(xen_netif_ctrl_response));
static_assert(offsetof(ctrl_response, type) == offsetof(xen_netif_ctrl_response, type));
static_assert(offsetof(ctrl_response, status) == offsetof(xen_netif_ctrl_response, status));
static_assert(offsetof(ctrl_response, data) == offsetof(xen_netif_ctrl_response, data));
static_assert(sizeof(gref_entry) == sizeof(xen_netif_gref));
static_assert(offsetof(gref_entry, flags) == offsetof(xen_netif_gref, flags));
static_assert(offsetof(gref_entry, status) == offsetof(xen_netif_gref, status));
static_assert(gref_readonly == XEN_NETIF_CTRLF_GREF_readonly);
static_assert(control_type::get_hash_flags == XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS);
static_assert(control_type::set_hash_flags == XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS);
static_assert(control_type::set_hash_key == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY);
static_assert(control_type::get_hash_mapping_size == XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE);
static_assert(control_type::set_hash_mapping_size == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE);
static_assert(control_type::set_hash_mapping == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING);
static_assert(control_type::set_hash_algorithm == XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM);
static_assert(control_type::get_gref_mapping_size == XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE);
static_assert(control_type::add_gref_mapping == XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING);
static_assert(control_type::del_gref_mapping == XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING);
static_assert(control_status::success == XEN_NETIF_CTRL_STATUS_SUCCESS);
static_assert(control_status::not_supported == XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
static_assert(control_status::invalid_parameter == XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
static_assert(control_status::buffer_overflow == XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW);

constexpr std::uint32_t queues = 4;
constexpr std::uint32_t grefs = 512;

class NetifControl : public testing::Test {
protected:
    control_step ask(std::uint16_t type, std::uint32_t a = 0, std::uint32_t b = 0,
                     std::uint32_t c = 0, std::uint32_t most_grefs = grefs) {
        request = {77, type, {a, b, c}};
        return begin(request, settings, most_grefs);
    }
    /// Status of a request that needs no page.
    std::uint32_t status(std::uint16_t type, std::uint32_t a = 0, std::uint32_t b = 0,
                         std::uint32_t c = 0) {
        const auto step = ask(type, a, b, c);
        EXPECT_EQ(step.need, control_need::nothing);
        EXPECT_TRUE(answers(step.response, request));
        return step.response.status;
    }
    std::uint32_t set_mapping(std::uint32_t offset, std::vector<std::uint32_t> entries) {
        const auto step = ask(control_type::set_hash_mapping, 5,
                              static_cast<std::uint32_t>(entries.size()), offset);
        if (step.need == control_need::nothing)
            return step.response.status;
        EXPECT_EQ(step.need, control_need::mapping);
        EXPECT_EQ(step.gref, 5u);
        EXPECT_EQ(step.bytes, 4 * entries.size());
        return finish_mapping(request, settings, entries).status;
    }

    steering settings{queues};
    ctrl_request request{};
};

TEST_F(NetifControl, ResponsesAreMatchedByIdAndType) {
    const ctrl_request asked{1, 2, {}};
    EXPECT_TRUE(answers({1, 2, 0, 0}, asked));
    EXPECT_FALSE(answers({2, 2, 0, 0}, asked));
    EXPECT_FALSE(answers({1, 3, 0, 0}, asked));
}

TEST_F(NetifControl, UnknownRequestsAreNotSupported) {
    for (const int type : {0, 11, 12, 0xffff})
        EXPECT_EQ(status(static_cast<std::uint16_t>(type)), control_status::not_supported) << type;
}

TEST_F(NetifControl, AnAlgorithmIsNoneOrToeplitz) {
    EXPECT_EQ(status(control_type::set_hash_algorithm, 2), control_status::invalid_parameter);
    EXPECT_EQ(status(control_type::set_hash_algorithm, 1), control_status::success);
    EXPECT_EQ(settings.algorithm(), hash_algorithm::toeplitz);
    EXPECT_EQ(status(control_type::set_hash_algorithm, 0), control_status::success);
}

TEST_F(NetifControl, HashTypesNeedAnAlgorithm) {
    EXPECT_EQ(status(control_type::get_hash_flags), control_status::not_supported);
    EXPECT_EQ(status(control_type::set_hash_flags, 1), control_status::invalid_parameter);
    EXPECT_EQ(status(control_type::set_hash_algorithm, 1), control_status::success);
    EXPECT_EQ(ask(control_type::get_hash_flags).response.data, hash_type::all);
    EXPECT_EQ(status(control_type::set_hash_flags, 15), control_status::success);
    EXPECT_EQ(status(control_type::set_hash_flags, 16), control_status::invalid_parameter);
}

TEST_F(NetifControl, AKeyIsCopiedAndNoLongerThanFortyBytes) {
    const auto step = ask(control_type::set_hash_key, 9, 40);
    EXPECT_EQ(step.need, control_need::key);
    EXPECT_EQ(step.gref, 9u);
    EXPECT_EQ(step.bytes, 40u);
    const std::array<std::uint8_t, 40> key{1};
    EXPECT_EQ(finish_key(request, settings, key).status, control_status::success);
    EXPECT_EQ(status(control_type::set_hash_key, 9, 41), control_status::buffer_overflow);
    EXPECT_EQ(status(control_type::set_hash_key, 9, 0xffffffff), control_status::buffer_overflow);
    const std::array<std::uint8_t, 41> longer{};
    EXPECT_EQ(finish_key(request, settings, longer).status, control_status::buffer_overflow);
}

TEST_F(NetifControl, AFrameIsSteeredOnlyIfTheGuestAskedForIt) {
    std::array<std::byte, 60> frame{};
    frame[12] = std::byte{0x08};
    frame[14] = std::byte{0x45};
    frame[26] = std::byte{0x80};
    const std::array<std::uint8_t, 4> key{0x12, 0x34, 0x56, 0x78};
    EXPECT_FALSE(settings.hash(frame));
    ASSERT_EQ(settings.set_algorithm(1), control_status::success);
    EXPECT_FALSE(settings.hash(frame)) << "no type yet";
    ASSERT_EQ(settings.set_types(hash_type::ipv4), control_status::success);
    EXPECT_EQ(settings.hash(frame)->value, 0u) << "no key yet";
    ASSERT_EQ(settings.set_key(key), control_status::success);
    EXPECT_EQ(settings.hash(frame)->value, 0x12345678u);
    ASSERT_EQ(settings.set_key({}), control_status::success);
    EXPECT_EQ(settings.hash(frame)->value, 0u) << "a new key invalidates the old one";
    ASSERT_EQ(settings.set_algorithm(0), control_status::success);
    EXPECT_FALSE(settings.hash(frame));
}

TEST_F(NetifControl, WithoutAMappingTheQueueIsTheHashModuloTheQueues) {
    for (std::uint32_t hash = 0; hash != 16; ++hash)
        EXPECT_EQ(settings.queue_of(hash), hash % queues);
    EXPECT_EQ(settings.queue_of(0xffffffff), 3u);
}

TEST_F(NetifControl, AMappingIsFreshAndZeroAndThenSetInParts) {
    EXPECT_EQ(ask(control_type::get_hash_mapping_size).response.data, 128u);
    ASSERT_EQ(status(control_type::set_hash_mapping_size, 8), control_status::success);
    EXPECT_EQ(settings.queue_of(7), 0u);
    ASSERT_EQ(set_mapping(6, {2, 3}), control_status::success);
    EXPECT_EQ(settings.queue_of(6), 2u);
    EXPECT_EQ(settings.queue_of(8 * 1000 + 7), 3u);
    EXPECT_EQ(settings.queue_of(5), 0u);
    ASSERT_EQ(status(control_type::set_hash_mapping_size, 8), control_status::success);
    EXPECT_EQ(settings.queue_of(6), 0u) << "a new size invalidates the table";
    EXPECT_EQ(status(control_type::set_hash_mapping_size, 129), control_status::invalid_parameter);
}

TEST_F(NetifControl, AMappingThatNamesNoQueueChangesNothing) {
    ASSERT_EQ(status(control_type::set_hash_mapping_size, 4), control_status::success);
    EXPECT_EQ(set_mapping(0, {1, 2, 4, 3}), control_status::invalid_parameter);
    for (std::uint32_t hash = 0; hash != 4; ++hash)
        EXPECT_EQ(settings.queue_of(hash), 0u);
}

TEST_F(NetifControl, Xsa270_OffsetAndSizeOfAMappingCannotWrap) {
    ASSERT_EQ(status(control_type::set_hash_mapping_size, 128), control_status::success);
    const auto mapping = [this](std::uint32_t entries, std::uint32_t offset) {
        return status(control_type::set_hash_mapping, 5, entries, offset);
    };
    EXPECT_EQ(mapping(1, 0xffffffff), control_status::invalid_parameter);
    EXPECT_EQ(mapping(0x40000001, 0), control_status::buffer_overflow) << "4 times that wraps";
    EXPECT_EQ(mapping(0xffffffff, 1), control_status::buffer_overflow);
    EXPECT_EQ(mapping(1024, 0xfffffc01), control_status::invalid_parameter);
    EXPECT_EQ(mapping(1, 128), control_status::invalid_parameter);
    EXPECT_EQ(mapping(128, 1), control_status::invalid_parameter);
    EXPECT_EQ(settings.set_mapping(127, std::array<std::uint32_t, 2>{1, 1}),
              control_status::invalid_parameter)
        << "checked again when it is set";
    EXPECT_EQ(set_mapping(0, std::vector<std::uint32_t>(128, 3)), control_status::success);
    EXPECT_EQ(settings.queue_of(127), 3u);
}

TEST_F(NetifControl, GrantsAreListedOnOnePageForAQueueThatIsThere) {
    EXPECT_EQ(ask(control_type::get_gref_mapping_size, 3).response.data, grefs);
    EXPECT_EQ(status(control_type::get_gref_mapping_size, 4), control_status::invalid_parameter);
    auto step = ask(control_type::add_gref_mapping, 3, 55, 512);
    EXPECT_EQ(step.need, control_need::add_grefs);
    EXPECT_EQ(step.gref, 55u);
    EXPECT_EQ(step.bytes, page_size);
    EXPECT_EQ(step.queue, 3u);
    step = ask(control_type::del_gref_mapping, 0, 56, 1);
    EXPECT_EQ(step.need, control_need::del_grefs);
    EXPECT_EQ(step.bytes, 8u);
    for (const auto type : {control_type::add_gref_mapping, control_type::del_gref_mapping}) {
        EXPECT_EQ(status(type, 4, 55, 1), control_status::invalid_parameter);
        EXPECT_EQ(status(type, 0, 55, 0), control_status::invalid_parameter);
        EXPECT_EQ(status(type, 0, 55, 513), control_status::invalid_parameter);
        EXPECT_EQ(status(type, 0, 55, 0x20000001), control_status::invalid_parameter);
        EXPECT_EQ(ask(type, 0, 55, 1, 0).response.status, control_status::not_supported);
    }
    EXPECT_EQ(ask(control_type::get_gref_mapping_size, 0, 0, 0, 0).response.status,
              control_status::not_supported);
}

TEST_F(NetifControl, WhateverAGuestAsksNoMoreThanAPageIsCopiedAndAQueueIsFound) {
    std::mt19937 random(3);
    const auto word = [&random] {
        return random() % 2 == 0 ? static_cast<std::uint32_t>(random())
                                 : static_cast<std::uint32_t>(random() % 140);
    };
    std::array<std::uint32_t, 1024> page{};
    for (int round = 0; round != 300000; ++round) {
        const auto step = ask(static_cast<std::uint16_t>(random() % 12), word(), word(), word());
        ASSERT_LE(step.bytes, page_size);
        ASSERT_LT(step.queue, queues);
        if (step.need == control_need::mapping) {
            for (auto& entry : page)
                entry = static_cast<std::uint32_t>(random() % (queues + (round % 8 == 0)));
            (void)finish_mapping(request, settings, {page.data(), step.bytes / 4});
        }
        ASSERT_LT(settings.queue_of(word()), queues);
    }
}

} // namespace
} // namespace xenring::ring::netif
