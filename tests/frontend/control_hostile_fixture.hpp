// A netfront with a control ring whose other end a test plays.
#pragma once

#include "hostile_fixture.hpp"

#include <xenring/ring/netif_control.hpp>

#include <cstring>
#include <optional>
#include <string>

namespace xenring::frontend::test {
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

} // namespace xenring::frontend::test
