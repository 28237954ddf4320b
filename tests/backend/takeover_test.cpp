// What a netback finds in the store that others left or wrote: queues of a guest that was connected
// before, and directories that name no frontend.
#include "../net/frames.hpp"
#include "fixture.hpp"

#include <array>

namespace xenring::backend::test {
namespace {

using net::test::udp_frame;

class restarted_test : public netback_test {
protected:
    /// A netback that offers four queues, and a guest that took two of them; then it is killed.
    void leave_two_queues() {
        auto first = std::make_unique<killable_netback>(machine, offering(4));
        auto& here = open_guest(1);
        for (auto& each : queues)
            each = std::make_unique<guest_end>(here, 0);
        make_vif(1);
        ASSERT_TRUE(eventually(*first, [&] { return state(1) == "2"; })) << log;
        script_done(1);
        queues[0]->publish(keys_of_two(*queues[0], *queues[1]));
        ASSERT_TRUE(eventually(*first, [&] { return state(1) == "4"; })) << log;
        first.reset();
        wires.clear();
    }
    netback::options offering(std::size_t count) {
        auto chosen = usual_options();
        chosen.features.max_queues = count;
        return chosen;
    }
    std::array<std::unique_ptr<guest_end>, 2> queues;
};

TEST_F(restarted_test, GoesOnWithTheQueuesOfAGuestWhateverItOffersNow) {
    leave_two_queues();
    for (const std::size_t offered : {2U, 8U}) {
        auto next = std::make_unique<killable_netback>(machine, offering(offered));
        for (auto& queue : queues) {
            ASSERT_TRUE(queue->send(udp_frame(100)));
            queue->kick();
            EXPECT_TRUE(eventually(*next, [&] {
                const auto found = wires.find("vif1.0");
                return found && found->receive().frame == udp_frame(100);
            })) << log;
        }
        EXPECT_EQ(state(1), "4");
        next.reset();
        wires.clear();
    }
}

TEST_F(restarted_test, SaysThatAGuestHasMoreQueuesThanItOffersNow) {
    leave_two_queues();
    start(offering(1));
    EXPECT_TRUE(reaches(1, "5")) << log;
    EXPECT_TRUE(logged("multi-queue-num-queues = 2, of at most 1")) << log;
    unplug(1);
    EXPECT_TRUE(reaches(1, "6")) << log;
}

struct bad_frontend {
    const char* name;
    const char* key;
    std::string value;
};
class bad_frontend_test : public netback_test, public testing::WithParamInterface<bad_frontend> {};

TEST_P(bad_frontend_test, IsNamedAndTheVifCanBeUnplugged) {
    start();
    open_guest(1);
    open_guest(2);
    make_vif(2);
    const auto& bad = GetParam();
    std::vector<store_entry> entries{{backend(1) + "/frontend", frontend(1), {}},
                                     {backend(1) + "/frontend-id", "1", {}},
                                     {backend(1) + "/online", "1", {}},
                                     {backend(1) + "/hotplug-status", "", {}},
                                     {backend(1) + "/state", "1", {}}};
    for (auto& each : entries)
        if (each.path == backend(1) + '/' + bad.key)
            each.value = bad.value;
    transact(dom0.store(), [&](store_transaction& inside, error_code& ec) {
        for (const auto& each : entries)
            if (!ec)
                inside.write(each.path, each.value, ec);
    });
    EXPECT_TRUE(eventually([&] { return logged("'" + bad.value + "'"); })) << log;
    EXPECT_TRUE(logged(std::string{backend(1)} + '/' + bad.key)) << log;
    EXPECT_TRUE(reaches(1, "6")) << log;
    unplug(1);
    EXPECT_TRUE(reaches(1, "6")) << log;
    EXPECT_TRUE(eventually([&] { return serving->vifs().size() == 1; })) << log;
    EXPECT_TRUE(reaches(2, "2")) << "its neighbour";
}

INSTANTIATE_TEST_SUITE_P(
    , bad_frontend_test,
    testing::Values(bad_frontend{"Empty", "frontend", ""},
                    bad_frontend{"Relative", "frontend", "device/vif/0"},
                    bad_frontend{"NoPath", "frontend", "/local/domain/1/device/vif 0"},
                    bad_frontend{"TwoSlashes", "frontend", "/local/domain/1//device/vif/0"},
                    bad_frontend{"AnotherGuest", "frontend-id", "7"},
                    bad_frontend{"NoNumber", "frontend-id", "one"}),
    [](const auto& each) { return std::string{each.param.name}; });

} // namespace
} // namespace xenring::backend::test
