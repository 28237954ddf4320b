// Our netfront in a guest with our netback in domain 0, in one process; the test is at the other
// end of the netback's interface.
#pragma once

#include "../backend/fixture.hpp"
#include "../net/frames.hpp"

#include <xenring/frontend/netfront.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::frontend::test {

using backend::test::netback_test;
using backend::test::wire;
using net::test::frame_bytes;
using namespace std::chrono_literals;

class pair_test : public netback_test {
protected:
    pair_test() { open_guest(1); }

    netfront_options front_options() {
        netfront_options chosen;
        chosen.takes = {true, true, true, true};
        chosen.close_limit = 500ms;
        chosen.log = [this](bool, const std::string& text) { log += "front: " + text + '\n'; };
        return chosen;
    }

    void make_device(const std::vector<std::pair<std::string, std::string>>& more = {}) {
        make_vif(1);
        auto& store = guests.at(1).store();
        store.write(frontend(1) + "/mac", "00:16:3e:00:09:02");
        for (const auto& [name, value] : more)
            store.write(frontend(1) + '/' + name, value);
    }

    /// A device with both ends connected.
    void connect_pair() { connect_pair(front_options()); }
    void connect_pair(netfront_options chosen, std::size_t offered_queues = 1,
                      const std::vector<std::pair<std::string, std::string>>& more = {}) {
        auto serving_options = usual_options();
        serving_options.features.max_queues = offered_queues;
        start(std::move(serving_options));
        make_device(more);
        net = std::make_unique<netfront>(guests.at(1), std::move(chosen));
        EXPECT_FALSE(connect());
        EXPECT_TRUE(reaches(1, "4")) << log;
    }

    /// The result of a connect, with the hotplug script run as soon as there is need.
    error_code connect() {
        std::optional<error_code> result;
        net->async_connect(0, [&](const error_code& ec) { result = ec; });
        return result_of_connect(result);
    }
    error_code result_of_connect(const std::optional<error_code>& result) {
        EXPECT_TRUE(eventually([&] {
            if (state(1) == "2" && !result)
                script_done(1);
            return result.has_value();
        })) << log;
        return result.value_or(errc::timed_out);
    }
    error_code close() {
        std::optional<error_code> result;
        net->async_close([&](const error_code& ec) { result = ec; });
        EXPECT_TRUE(eventually([&] { return result.has_value(); })) << log;
        return result.value_or(errc::timed_out);
    }

    wire& outside() { return *wires.at("vif1.0"); }

    wire::received receive_outside() {
        wire::received out;
        EXPECT_TRUE(eventually([&] { return !(out = outside().receive()).frame.empty(); })) << log;
        return out;
    }

    error_code send(std::span<const std::byte> bytes, const ring::netif::packet_info& info = {},
                    std::size_t flow = 0) {
        auto frame = net->prepare(bytes.size(), flow);
        if (!frame)
            return boost::asio::error::would_block;
        EXPECT_EQ(frame.fill(bytes), bytes.size());
        error_code ec;
        net->send(frame, info, ec);
        return ec;
    }

    /// The next frame, by async_receive().
    received_frame receive(error_code& result) {
        std::optional<error_code> done;
        received_frame out;
        net->async_receive([&](const error_code& ec, received_frame frame) {
            done = ec;
            out = std::move(frame);
        });
        EXPECT_TRUE(eventually([&] { return done.has_value(); })) << log;
        result = done.value_or(errc::timed_out);
        return out;
    }

    static frame_bytes bytes_of(const received_frame& frame) {
        frame_bytes out(frame.size());
        EXPECT_EQ(frame.copy_to(out), out.size());
        return out;
    }

    std::unique_ptr<netfront> net;
};

} // namespace xenring::frontend::test
