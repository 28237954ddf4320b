// A netback in domain 0 of a stand-in machine in this process, a toolstack, and guests.
#pragma once

#include "guest.hpp"
#include "killable_netback.hpp"
#include "socket_port.hpp"
#include "tests/eventually.hpp"

#include <xenring/backend/netback.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/local.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::backend::test {

using namespace std::chrono_literals;

class netback_test : public testing::Test {
protected:
    netback_test() : dom0_program{machine.open(domid{0})}, dom0{io.get_executor(), dom0_program} {}

    ~netback_test() override {
        if (serving)
            stop();
    }

    netback::options usual_options() {
        netback::options chosen;
        chosen.close_limit = 200ms;
        chosen.limits.drain = 10min; // nothing is lost because the machine is slow
        chosen.open_port = [this](const device_names& names, error_code&) {
            return std::make_unique<socket_port>(wires.add(names.label()));
        };
        chosen.log = [this](bool, const std::string& text) { log += text + '\n'; };
        return chosen;
    }

    void start() { start(usual_options()); }
    void start(netback::options chosen) {
        serving = std::make_shared<netback>(dom0, std::move(chosen));
        serving->start([this](const error_code& ec) { ended = ec; });
    }
    void stop() {
        serving->stop();
        EXPECT_TRUE(eventually([&] { return ended.has_value(); })) << log;
        serving.reset();
    }

    /// A guest, and a vif for it as libxl makes one.
    domain& open_guest(std::uint16_t number) {
        auto program = machine.open(domid{number});
        return guests.emplace(number, domain{io.get_executor(), program}).first->second;
    }
    void make_vif(std::uint16_t number, std::uint32_t handle = 0) {
        const domid guest{number};
        const auto back = backend(number, handle), front = frontend(number, handle);
        const store_permissions ours{{domid{0}, store_access::none}, {guest, store_access::read}};
        const store_permissions theirs{{guest, store_access::none}, {domid{0}, store_access::read}};
        const std::vector<store_entry> entries{
            {front, "", theirs},
            {front + "/backend", back, theirs},
            {front + "/backend-id", "0", theirs},
            {front + "/state", "1", theirs},
            {back, "", ours},
            {back + "/frontend", front, ours},
            {back + "/frontend-id", std::to_string(number), ours},
            {back + "/online", "1", ours},
            {back + "/hotplug-status", "", ours},
            {back + "/state", "1", ours}};
        write_with_permissions(dom0.store(), entries);
    }
    /// What libxl does to detach.
    void unplug(std::uint16_t number, std::uint32_t handle = 0) {
        transact(dom0.store(), [&](store_transaction& inside, error_code& ec) {
            inside.write(backend(number, handle) + "/online", "0", ec);
            if (!ec)
                inside.write(backend(number, handle) + "/state", "5", ec);
        });
    }
    void script_done(std::uint16_t number, std::uint32_t handle = 0) {
        dom0.store().write(backend(number, handle) + "/hotplug-status", "connected");
    }

    static std::string backend(std::uint16_t number, std::uint32_t handle = 0) {
        return "/local/domain/0/backend/vif/" + std::to_string(number) + '/' +
               std::to_string(handle);
    }
    static std::string frontend(std::uint16_t number, std::uint32_t handle = 0) {
        return "/local/domain/" + std::to_string(number) + "/device/vif/" + std::to_string(handle);
    }
    std::string state(std::uint16_t number, std::uint32_t handle = 0) {
        error_code ec;
        const auto text = dom0.store().read(backend(number, handle) + "/state", ec);
        return ec ? "gone" : text;
    }

    template <class Condition>
    bool eventually(Condition condition) {
        return xenring::test::eventually(io, std::move(condition));
    }
    /// The same where another netback is to go on meanwhile.
    template <class Condition>
    bool eventually(killable_netback& other, Condition condition) {
        return eventually([&] {
            other.run_for(1ms);
            return condition();
        });
    }
    bool reaches(std::uint16_t number, std::string_view wanted, std::uint32_t handle = 0) {
        return eventually([&] { return state(number, handle) == wanted; });
    }

    /// Makes a vif, as far as its backend goes without the guest.
    void offer_vif(std::uint16_t number, std::uint32_t handle = 0) {
        make_vif(number, handle);
        EXPECT_TRUE(reaches(number, "2", handle)) << log;
        script_done(number, handle);
    }

    /// A guest with one vif that is connected.
    guest_end& connected(std::uint16_t number, std::uint32_t handle = 0) {
        if (!guests.contains(number))
            open_guest(number);
        offer_vif(number, handle);
        auto& end = ends.emplace_back(std::make_unique<guest_end>(guests.at(number), handle));
        end->connect();
        EXPECT_TRUE(reaches(number, "4", handle)) << log;
        return *end;
    }

    vif_statistics counts(std::string_view label) const {
        for (const auto& each : serving->vifs())
            if (each.name == label)
                return each.counts;
        return {};
    }
    bool logged(std::string_view text) const { return log.find(text) != std::string::npos; }

    local::machine machine;
    boost::asio::io_context io;
    std::shared_ptr<hypervisor> dom0_program;
    domain dom0;
    std::map<std::uint16_t, domain> guests;
    std::vector<std::unique_ptr<guest_end>> ends;
    wires_by_name wires;
    std::shared_ptr<netback> serving;
    std::optional<error_code> ended;
    std::string log;
};

} // namespace xenring::backend::test
