#pragma once

/// A transition table as test data, and its comparison with a step function.

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <ostream>
#include <utility>
#include <vector>

namespace xenring::ring {

/// In one phase, on each of these events, the same step.
template <class Phase, class Event, class Step>
struct xenbus_row {
    Phase phase;
    std::vector<Event> events;
    Step expected;
};

/// Every pair of phase and event is in exactly one row, and step() does what the row says.
template <class Phase, class Event, class Step, class StepFunction>
void check_table(const std::vector<xenbus_row<Phase, Event, Step>>& table, std::size_t phases,
                 std::size_t events, StepFunction step) {
    std::map<std::pair<Phase, Event>, Step> pairs;
    for (const auto& row : table)
        for (const Event event : row.events)
            EXPECT_TRUE(pairs.emplace(std::pair{row.phase, event}, row.expected).second)
                << "twice in the table: phase " << int(row.phase) << " event " << int(event);
    for (std::size_t p = 0; p != phases; ++p)
        for (std::size_t e = 0; e != events; ++e) {
            const auto phase = static_cast<Phase>(p);
            const auto event = static_cast<Event>(e);
            const auto found = pairs.find({phase, event});
            ASSERT_NE(found, pairs.end()) << "not in the table: phase " << p << " event " << e;
            const auto got = step(phase, event);
            EXPECT_EQ(int(got.next), int(found->second.next)) << "phase " << p << " event " << e;
            EXPECT_TRUE(got.actions == found->second.actions) << "phase " << p << " event " << e;
            EXPECT_STREQ(describe(got.fault), describe(found->second.fault))
                << "phase " << p << " event " << e;
        }
    EXPECT_EQ(pairs.size(), phases * events) << "the table has pairs that do not exist";
}

} // namespace xenring::ring
