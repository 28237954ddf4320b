// A netfront in domain 1 whose backend a test plays.
#pragma once

#include "../net/frames.hpp"
#include "backend_end.hpp"
#include "tests/eventually.hpp"

#include <xenring/frontend/netfront.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace xenring::frontend::test {

using namespace std::chrono_literals;
using net::test::udp_frame;

class hostile_test : public testing::Test {
protected:
    hostile_test()
        : dom0{io.get_executor(), machine.open(domid{0})},
          guest{io.get_executor(), machine.open(domid{1})}, back{dom0} {
        options.close_limit = 100ms;
        options.log = [this](bool, const std::string& text) { log += text + '\n'; };
    }

    template <class Condition>
    bool eventually(Condition condition) {
        return xenring::test::eventually(io, std::move(condition));
    }
    void run_for(std::chrono::milliseconds time) {
        io.restart();
        io.run_for(time);
    }

    void begin_connect() {
        if (!net)
            net = std::make_unique<netfront>(guest, options);
        connected.reset();
        net->async_connect(0, [this](const error_code& ec) { connected = ec; });
    }
    error_code connect() {
        begin_connect();
        EXPECT_TRUE(eventually([&] {
            back.serve();
            return connected.has_value();
        })) << log;
        return connected.value_or(errc::timed_out);
    }
    void connect_pair() {
        back.make_device();
        ASSERT_FALSE(connect()) << log;
    }

    bool send(std::size_t payload = 100) {
        const auto bytes = udp_frame(payload);
        auto made = net->prepare(bytes.size());
        error_code ec = boost::asio::error::would_block;
        if (made) {
            made.fill(bytes);
            net->send(made, {}, ec);
        }
        return !ec;
    }
    void begin_receive() {
        received.reset();
        net->async_receive([this](const error_code& ec, received_frame got) {
            received = ec;
            frame = std::move(got);
        });
    }

    /// The connection has ended, problem() says so, and another one carries frames.
    void expect_broken(const std::string& says) {
        EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
        EXPECT_EQ(received.value_or(error_code{}), condition::peer_misbehaved);
        EXPECT_NE(net->problem().find(says), std::string::npos) << net->problem();
        EXPECT_FALSE(net->is_connected() && send());
        ASSERT_TRUE(eventually([&] { return log.find("Closed") != std::string::npos; })) << log;
        ASSERT_FALSE(connect()) << log;
        expect_traffic();
    }
    void expect_traffic() {
        begin_receive();
        ASSERT_TRUE(send());
        back.echo();
        EXPECT_TRUE(eventually([&] { return received.has_value(); })) << log;
        EXPECT_FALSE(*received) << received->message();
        EXPECT_EQ(frame.size(), udp_frame(100).size());
    }

    local::machine machine;
    boost::asio::io_context io;
    domain dom0, guest;
    backend_end back;
    netfront_options options;
    std::unique_ptr<netfront> net;
    std::optional<error_code> connected, received;
    received_frame frame;
    std::string log;
};

} // namespace xenring::frontend::test
