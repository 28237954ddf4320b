// Real TAPs of vifs, in a network namespace of this process, and what a killed netback leaves of
// them.
#include "../net/frames.hpp"
#include "../net/own_network.hpp"
#include "fixture.hpp"

#include <xenring/backend/vif_taps.hpp>
#include <xenring/net/tap.hpp>

#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace xenring::backend::test {
namespace {

using net::test::index_of;
using net::test::rename_interface;

class vif_taps_test : public netback_test {
protected:
    void SetUp() override {
        if (const auto lack = net::test::what_is_missing(); !lack.empty())
            GTEST_SKIP() << lack;
    }
    netback::options with_taps(std::size_t queues = 1) {
        auto chosen = usual_options();
        chosen.open_port = nullptr;
        chosen.features.max_queues = queues;
        return chosen;
    }
    /// A netback with a connected guest, whose TAP the hotplug script renamed; then it is killed.
    /// Its destructors run nevertheless, so the TAP is held here and made to stay again.
    void leave_renamed_tap(std::size_t queues = 1) {
        int held = -1;
        auto chosen = with_taps(queues);
        chosen.open_port = [&held, open = tap_opener(dom0, {}, queues > 1, 256)](
                               const device_names& names, error_code& ec) {
            auto made = open(names, ec);
            held = ec ? -1 : made->open_queue(0, ec);
            return made;
        };
        auto first = std::make_unique<killable_netback>(machine, std::move(chosen));
        guest = std::make_unique<guest_end>(open_guest(1), 0);
        make_vif(1);
        ASSERT_TRUE(eventually(*first, [&] { return state(1) == "2"; })) << log;
        index = index_of("vif1.0");
        ASSERT_NE(index, 0U);
        rename_interface("vif1.0", "web-server");
        script_done(1);
        guest->connect();
        ASSERT_TRUE(eventually(*first, [&] { return state(1) == "4"; })) << log;
        first.reset();
        ASSERT_EQ(ioctl(held, TUNSETPERSIST, 1UL), 0);
        close(held);
        ASSERT_EQ(index_of("web-server"), index) << "it outlives the process";
    }
    /// Brings it up; a packet socket of it.
    static int open_interface(const std::string& name) {
        ifreq request{};
        name.copy(request.ifr_name, sizeof request.ifr_name - 1);
        request.ifr_flags = IFF_UP;
        const int out = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        EXPECT_EQ(ioctl(out, SIOCSIFFLAGS, &request), 0);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_ifindex = static_cast<int>(index_of(name));
        EXPECT_EQ(bind(out, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return out;
    }
    bool is_gone(const std::string& name) {
        return eventually([&] { return index_of(name) == 0; });
    }
    /// The vif is served, by the TAP that was there.
    void expect_taken_over() {
        ASSERT_TRUE(guest->send(std::vector<std::byte>(60)));
        guest->kick();
        EXPECT_TRUE(eventually([&] { return guest->responses().size() == 1; })) << log;
        EXPECT_EQ(state(1), "4");
        EXPECT_EQ(index_of("web-server"), index);
        EXPECT_EQ(index_of("vif1.0"), 0U);
    }

    std::unique_ptr<guest_end> guest;
    unsigned index = 0;
};

TEST_F(vif_taps_test, ARenamedOneIsTakenOverAndGoesWithItsVif) {
    leave_renamed_tap();
    start(with_taps());
    expect_taken_over();
    unplug(1);
    guest->write_state("6");
    EXPECT_TRUE(reaches(1, "6")) << log;
    EXPECT_TRUE(is_gone("web-server"));
}

TEST_F(vif_taps_test, OneOfAnotherKindIsTakenOverAsItIs) {
    for (const std::size_t before : {1U, 4U}) {
        leave_renamed_tap(before);
        start(with_taps(before == 1 ? 4 : 1));
        expect_taken_over();
        // A guest that comes again is offered what there is.
        guest->write_state("6");
        ASSERT_TRUE(reaches(1, "6")) << log;
        guest->write_state("1");
        ASSERT_TRUE(reaches(1, "2")) << log;
        EXPECT_EQ(dom0.store().read(backend(1) + "/multi-queue-max-queues"), "1");
        stop();
        ended.reset();
        EXPECT_TRUE(is_gone("web-server"));
        dom0.store().remove(backend(1));
        dom0.store().remove(frontend(1));
        guest.reset();
        guests.clear();
    }
}

TEST_F(vif_taps_test, WhatItsQueueDropsIsCounted) {
    auto chosen = with_taps();
    chosen.tap_queue = 20;
    start(std::move(chosen));
    connected(1); // without buffers
    const int kernel = open_interface("vif1.0");
    const net::test::frame_bytes frame = net::test::udp_frame(100);
    std::uint64_t sent = 0;
    for (int i = 0; i != 500; ++i)
        sent += send(kernel, frame.data(), frame.size(), 0) > 0;
    EXPECT_GE(sent, 100U);
    const auto dropped = counts("vif1.0").rx.dropped;
    EXPECT_GE(dropped + 2 * 20 + 16, sent);
    EXPECT_LE(dropped, sent);
    close(kernel);
    unplug(1);
    ASSERT_TRUE(reaches(1, "6")) << log;
    ASSERT_TRUE(eventually([&] { return serving->vifs().empty(); }));
    EXPECT_TRUE(logged("removed; ")) << log;
    EXPECT_TRUE(logged(" dropped ")) << "although the interface is gone: " << log;
}

TEST_F(vif_taps_test, AGuestThatTakesNothingHasNoMoreThanAFewFramesWaiting) {
    start(with_taps());
    connected(1);
    const int kernel = open_interface("vif1.0");
    ifreq request{};
    std::string{"vif1.0"}.copy(request.ifr_name, sizeof request.ifr_name - 1);
    EXPECT_EQ(ioctl(kernel, SIOCGIFTXQLEN, &request), 0);
    EXPECT_EQ(request.ifr_qlen, 256);
    close(kernel);
}

TEST_F(vif_taps_test, TheOneOfAVifThatWentIsRemoved) {
    leave_renamed_tap();
    dom0.store().remove(backend(1));
    start(with_taps());
    EXPECT_TRUE(is_gone("web-server"));
}

TEST_F(vif_taps_test, TheOneOfAVifThatWasUnpluggedMeanwhileIsRemoved) {
    leave_renamed_tap();
    unplug(1);
    start(with_taps());
    EXPECT_TRUE(reaches(1, "6")) << log;
    EXPECT_TRUE(is_gone("web-server"));
}

TEST_F(vif_taps_test, AScriptFindsANewOneForANewVif) {
    leave_renamed_tap();
    dom0.store().remove(backend(1));
    dom0.store().remove(frontend(1));
    make_vif(1);
    start(with_taps());
    ASSERT_TRUE(reaches(1, "2")) << log;
    EXPECT_NE(index_of("vif1.0"), 0U);
    EXPECT_EQ(index_of("web-server"), 0U);
}

TEST_F(vif_taps_test, ThoseOfOthersAreLeftAlone) {
    error_code ec;
    const auto own = net::open_tap({.name = "vif8.0", .mark = {}, .bridge = {}}, ec);
    ASSERT_TRUE(own) << ec.message();
    const auto other =
        net::open_tap({.name = "vif9.0", .mark = "xenring vif-none", .bridge = {}}, ec);
    ASSERT_TRUE(other) << ec.message();
    start(with_taps());
    open_guest(1);
    make_vif(1);
    ASSERT_TRUE(reaches(1, "2")) << log;
    EXPECT_NE(index_of("vif8.0"), 0U);
    EXPECT_NE(index_of("vif9.0"), 0U);
}

} // namespace
} // namespace xenring::backend::test
