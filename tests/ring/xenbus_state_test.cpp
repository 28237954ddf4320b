#include <xenring/ring/xenbus_state.hpp>

#include <gtest/gtest.h>

#include <xen/io/xenbus.h>

#include <set>
#include <string>
#include <string_view>

namespace xenring::ring {
namespace {

using namespace std::literals;

static_assert(int(xenbus_state::unknown) == XenbusStateUnknown);
static_assert(int(xenbus_state::initialising) == XenbusStateInitialising);
static_assert(int(xenbus_state::init_wait) == XenbusStateInitWait);
static_assert(int(xenbus_state::initialised) == XenbusStateInitialised);
static_assert(int(xenbus_state::connected) == XenbusStateConnected);
static_assert(int(xenbus_state::closing) == XenbusStateClosing);
static_assert(int(xenbus_state::closed) == XenbusStateClosed);
static_assert(int(xenbus_state::reconfiguring) == XenbusStateReconfiguring);
static_assert(int(xenbus_state::reconfigured) == XenbusStateReconfigured);

TEST(XenbusState, EveryStateSurvivesTheStore) {
    for (int value = 0; value != 9; ++value) {
        const auto state = static_cast<xenbus_state>(value);
        EXPECT_EQ(state_text(state), std::to_string(value));
        EXPECT_EQ(parse_xenbus_state(state_text(state)), state);
    }
}

TEST(XenbusState, LeadingZerosAreDigitsToo) {
    EXPECT_EQ(parse_xenbus_state("04"), xenbus_state::connected);
    EXPECT_EQ(parse_xenbus_state(std::string(4095, '0') + '6'), xenbus_state::closed);
}

TEST(XenbusState, WhatIsNoStateIsNotTakenForOne) {
    for (const auto text : {""sv,
                            "9"sv,
                            "10"sv,
                            "44"sv,
                            "-1"sv,
                            "+4"sv,
                            " 4"sv,
                            "4 "sv,
                            "4\n"sv,
                            "4\0"sv,
                            "\0"sv,
                            "0x4"sv,
                            "4a"sv,
                            "Connected"sv,
                            "\x80"sv,
                            "\xb4"sv,
                            "18446744073709551620"sv,
                            "4294967300"sv,
                            "260"sv,
                            "/"sv,
                            ":"sv})
        EXPECT_FALSE(parse_xenbus_state(text)) << text;
    EXPECT_FALSE(parse_xenbus_state(std::string(4096, '9')));
}

TEST(XenbusState, EveryByteThatIsNoDigitIsGarbage) {
    for (int byte = 0; byte != 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        EXPECT_EQ(parse_xenbus_state(text).has_value(), byte >= '0' && byte <= '8') << byte;
    }
}

TEST(XenbusState, HasXensNames) {
    EXPECT_STREQ(describe(xenbus_state::init_wait), "InitWait");
    EXPECT_STREQ(describe(static_cast<xenbus_state>(9)), "invalid state");
    std::set<std::string> names;
    for (int value = 0; value != 10; ++value)
        names.insert(describe(static_cast<xenbus_state>(value)));
    EXPECT_EQ(names.size(), 10u) << "each its own";
}

TEST(XenbusState, EveryFaultHasItsOwnPhrase) {
    std::set<std::string> phrases;
    for (int value = 0; value <= int(xenbus_fault::peer_did_not_close) + 1; ++value)
        phrases.insert(describe(static_cast<xenbus_fault>(value)));
    EXPECT_EQ(phrases.size(), std::size_t(xenbus_fault::peer_did_not_close) + 2);
    EXPECT_EQ(phrases.count("unknown fault"), 1u);
}

} // namespace
} // namespace xenring::ring
