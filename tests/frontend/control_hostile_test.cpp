// Backends that lie on the control ring, refuse there, or say nothing.
#include "control_hostile_fixture.hpp"

namespace xenring::frontend::test {
namespace {

TEST_F(control_hostile_test, AResponseToAnotherRequestEndsTheConnection) {
    connect_control();
    auto lie = netif::respond(next_request(), control_status::success, 512);
    ++lie.id;
    answer(lie);
    expect_broken_control();
}

TEST_F(control_hostile_test, AResponseOfAnotherTypeEndsTheConnection) {
    connect_control();
    auto lie = netif::respond(next_request(), control_status::success, 512);
    lie.type = control_type::add_gref_mapping;
    answer(lie);
    expect_broken_control();
}

TEST_F(control_hostile_test, ResponsesBeyondTheRequestsEndTheConnection) {
    connect_control();
    const std::uint32_t beyond = 100;
    std::memcpy(page_.bytes().data() + 8, &beyond, sizeof beyond); // rsp_prod
    port_.notify();
    expect_broken_control();
}

TEST_F(control_hostile_test, NoMoreThanAPageOfGrantsIsOfferedWhateverTheBackendTakes) {
    options.tx_pages = 400;
    connect_control();
    answer(netif::respond(next_request(), control_status::success, 0xffff'ffff));
    const auto first = next_request();
    EXPECT_EQ(first.type, control_type::add_gref_mapping);
    EXPECT_EQ(first.data[2], 512U);
    answer(netif::respond(first, control_status::success));
    const auto second = next_request();
    EXPECT_EQ(second.data[2], 400U + 256 - 512);
    answer(netif::respond(second, control_status::success));
    run_for(20ms);
    EXPECT_FALSE(ring->pop());
    expect_traffic();
}

TEST_F(control_hostile_test, ARefusalOfAnyKindIsAnEnd) {
    for (const std::uint32_t status : {1U, 2U, 3U, 77U, 0xffff'ffffU}) {
        if (status == 1)
            connect_control();
        else {
            page_.reset();
            port_ = {};
            std::optional<error_code> closed;
            net->async_close([&](const error_code& ec) { closed = ec; });
            ASSERT_TRUE(eventually([&] {
                back.serve();
                return closed.has_value();
            }));
            ASSERT_FALSE(connect()) << log;
            map_control();
        }
        auto request = next_request();
        if (status % 2 == 0) { // at the size, or at the list
            answer(netif::respond(request, control_status::success, 10));
            request = next_request();
            EXPECT_EQ(request.data[2], 10U);
        }
        answer(netif::respond(request, status, 12345));
        run_for(10ms);
        EXPECT_FALSE(ring->pop());
        expect_traffic();
    }
}

TEST_F(control_hostile_test, ABackendThatNeverAnswersHoldsNothingUp) {
    connect_control();
    next_request();
    expect_traffic();
    for (int i = 0; i != 100; ++i) {
        port_.notify();
        run_for(0ms);
    }
    EXPECT_FALSE(ring->pop()) << "one request at a time";
    expect_traffic();
}

TEST_F(control_hostile_test, AnEventWithoutACauseHasThePagesOfferedAgain) {
    connect_control();
    answer(netif::respond(next_request(), control_status::success, 3));
    answer(netif::respond(next_request(), control_status::success));
    // One that comes with the answer, before the frontend has seen that, is the answer's.
    std::optional<netif::ctrl_request> again;
    EXPECT_TRUE(eventually([&] {
        port_.notify();
        return (again = ring->pop()).has_value();
    })) << log;
    EXPECT_EQ(again.value_or(netif::ctrl_request{}).type, control_type::get_gref_mapping_size);
    expect_traffic();
}

} // namespace
} // namespace xenring::frontend::test
