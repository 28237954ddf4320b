// Backends that lie on the control ring, refuse there, or say nothing.
#include "hostile_fixture.hpp"

#include <xenring/ring/netif_control.hpp>

namespace xenring::frontend::test {
namespace {

namespace control_type = netif::control_type;
namespace control_status = netif::control_status;

class control_hostile_test : public hostile_test {
protected:
    control_hostile_test() { back.features["feature-ctrl-ring"] = "1"; }

    void connect_control() {
        connect_pair();
        map_control();
    }
    void map_control() {
        const foreign_grant page{domid{1}, grant_ref{number("ctrl-ring-ref")}};
        page_ = dom0.hypervisor().map<access::read_write>(std::span{&page, 1});
        ring.emplace(netif::control_back_ring::attach(page_.bytes()));
        port_set ports{dom0.get_executor(), dom0.hypervisor()};
        port_ = ports.bind_interdomain(domid{1}, port{number("event-channel-ctrl")});
    }
    std::uint32_t number(const char* name) {
        return static_cast<std::uint32_t>(
            std::stoul(dom0.store().read(std::string{"/local/domain/1/device/vif/0/"} + name)));
    }
    netif::ctrl_request next_request() {
        std::optional<netif::ctrl_request> out;
        EXPECT_TRUE(eventually([&] { return (out = ring->pop()).has_value(); })) << log;
        return out.value_or(netif::ctrl_request{});
    }
    void answer(const netif::ctrl_response& response) {
        ASSERT_TRUE(ring->push(response));
        (void)ring->publish();
        port_.notify();
    }
    void expect_broken_control() {
        begin_receive();
        EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
        EXPECT_EQ(received.value_or(error_code{}), condition::peer_misbehaved);
        EXPECT_NE(net->problem().find("control ring"), std::string::npos) << net->problem();
        ASSERT_TRUE(eventually([&] { return log.find("Closed") != std::string::npos; })) << log;
        page_.reset();
        port_ = {};
        ASSERT_FALSE(connect()) << log;
        expect_traffic();
    }

    std::optional<netif::control_back_ring> ring;
    mapped_pages<access::read_write> page_;
    bound_port port_;
};

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
