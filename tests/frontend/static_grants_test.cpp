// Our netfront with our netback, its pages mapped for good: frames cost no grant operation.
#include "pair_fixture.hpp"

#include <xenring/grant/ledger.hpp>

namespace xenring::frontend::test {
namespace {

using backend::flow_statistics;
using local::call;
using net::test::udp_frame;

class static_grants_test : public pair_test {
protected:
    flow_statistics sum() const {
        auto out = counts("vif1.0").tx;
        return out += counts("vif1.0").rx;
    }
    std::size_t mapped() const { return machine.statistics().of(domid{0}).pages_mapped; }

    void exchange(std::size_t number) {
        const auto frame = udp_frame(number * 7 % 6000);
        ASSERT_FALSE(send(frame));
        ASSERT_EQ(receive_outside().frame, frame);
        outside().send(frame);
        error_code ec;
        ASSERT_EQ(bytes_of(receive(ec)), frame);
    }
    /// All pages of both directions are mapped, and the control ring is quiet.
    bool settles() {
        const bool all = eventually([&] { return mapped() == 3 + 256 + 256; });
        for (int round = 0; round != 250; ++round) { // each does what is ready, if it is late too
            io.restart();
            io.run_for(1ms);
        }
        return all;
    }
    static constexpr call grant_calls[] = {call::share, call::unshare, call::map, call::unmap,
                                           call::copy};
};

TEST_F(static_grants_test, ThousandsOfFramesBothWaysCostNoGrantOperation) {
    connect_pair();
    ASSERT_TRUE(settles()) << mapped();
    for (const auto each : grant_calls)
        machine.faults().fail(each, 1);
    for (std::size_t i = 0; i != 1500; ++i)
        exchange(i);
    for (const auto each : grant_calls) {
        error_code ec;
        EXPECT_TRUE(machine.faults().strikes(each, ec))
            << "somebody made call " << static_cast<int>(each);
    }
    EXPECT_EQ(sum().copies, 0U);
    EXPECT_EQ(sum().segments, 0U);
    EXPECT_GE(sum().static_segments, 3000U);
    EXPECT_EQ(sum().lost(), 0U);
}

TEST_F(static_grants_test, ABackendWithoutThemIsServedWithCopies) {
    auto serving_options = usual_options();
    serving_options.features.static_grants = 0;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect());
    for (std::size_t i = 0; i != 10; ++i)
        exchange(i);
    EXPECT_EQ(sum().static_segments, 0U);
    EXPECT_EQ(mapped(), 3U);
}

TEST_F(static_grants_test, ABackendWithoutAControlRingIsServedWithCopies) {
    auto serving_options = usual_options();
    serving_options.features.control_ring = false;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect());
    exchange(1);
    EXPECT_EQ(mapped(), 2U);
}

TEST_F(static_grants_test, TheyCanBeDeclined) {
    auto chosen = front_options();
    chosen.static_grants = false;
    connect_pair(std::move(chosen));
    exchange(1);
    EXPECT_EQ(mapped(), 2U);
    EXPECT_GT(sum().segments, 0U);
}

TEST_F(static_grants_test, ABackendThatMapsFewerPagesIsGivenAsManyAsItTakes) {
    auto serving_options = usual_options();
    serving_options.features.static_grants = 300;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    ASSERT_FALSE(connect());
    EXPECT_TRUE(eventually([&] { return mapped() == 3 + 300; })) << mapped();
    for (std::size_t i = 0; i != 500; ++i)
        exchange(i);
    EXPECT_GT(sum().static_segments, 0U);
    EXPECT_GT(sum().segments, 0U);
}

TEST_F(static_grants_test, MorePagesThanAListHoldsAreAddedInTwo) {
    auto serving_options = usual_options();
    serving_options.features.static_grants = 900;
    start(std::move(serving_options));
    make_device();
    net = std::make_unique<netfront>(guests.at(1), [&] {
        auto chosen = front_options();
        chosen.tx_pages = 400;
        return chosen;
    }());
    ASSERT_FALSE(connect());
    EXPECT_TRUE(eventually([&] { return mapped() == 3 + 400 + 256; })) << mapped();
}

TEST_F(static_grants_test, ARefusalChangesNothing) {
    for (const unsigned nth : {4U, 40U}) { // after the two rings and the control ring
        start();
        make_device();
        machine.faults().fail(call::map, nth);
        net = std::make_unique<netfront>(guests.at(1), front_options());
        ASSERT_FALSE(connect());
        for (std::size_t i = 0; i != 20; ++i)
            exchange(i);
        EXPECT_EQ(mapped(), 3U);
        EXPECT_FALSE(close());
        net.reset();
        machine.faults().clear();
        unplug(1);
        ASSERT_TRUE(reaches(1, "6"));
        stop();
        ended.reset();
    }
}

TEST_F(static_grants_test, NothingIsQuarantinedAfterAnOrderlyClose) {
    connect_pair();
    ASSERT_TRUE(settles());
    exchange(1);
    EXPECT_FALSE(close());
    EXPECT_EQ(mapped(), 0U);
    EXPECT_EQ(guests.at(1).hypervisor().accounts().quarantined(), 0U);
    ASSERT_FALSE(connect()) << log;
    EXPECT_TRUE(settles()) << "and the next connection has them too";
    exchange(2);
}

TEST_F(static_grants_test, ABackendThatIsRestartedIsToldOfThemAgain) {
    auto first = std::make_unique<backend::test::killable_netback>(machine, usual_options());
    make_device();
    net = std::make_unique<netfront>(guests.at(1), front_options());
    std::optional<error_code> result;
    net->async_connect(0, [&](const error_code& ec) { result = ec; });
    ASSERT_TRUE(eventually(*first, [&] {
        if (state(1) == "2" && !result)
            script_done(1);
        return result.has_value() && mapped() == 3 + 512;
    })) << log;

    first.reset();
    wires.clear();
    EXPECT_EQ(mapped(), 0U);
    start();
    ASSERT_TRUE(settles()) << log << mapped();
    exchange(1);
    EXPECT_EQ(sum().segments, 0U);
    EXPECT_GT(sum().static_segments, 0U);
}

} // namespace
} // namespace xenring::frontend::test
