// What the hypervisor does for a page when its holder lets go of it, gently or not.
#include "two_domains.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xenring::conformance {
namespace {

constexpr std::uint16_t offset = 5;

class unmap_notification : public two_domains {
protected:
    void SetUp() override {
        two_domains::SetUp();
        events_ = std::make_unique<event_queue>(near().open_event_channel());
        near_port_ = events_->channel().bind_unbound(far().id(), ec_);
        throw_if(ec_, "bind_unbound");
        far_port_ = far().bind_interdomain(near().self(), near_port_);
        // Neither end's first event may be taken for the one that a test waits for.
        if (events_->has(near_port_))
            events_->channel().unmask(near_port_, ec_);
    }

    /// A child that shares nothing with us but what fork() makes it share; killed at the end.
    class idle_child {
    public:
        idle_child() : id_{::fork()} {
            if (id_ == 0)
                for (;;)
                    ::pause();
        }
        ~idle_child() {
            ::kill(id_, SIGKILL);
            ::waitpid(id_, nullptr, 0);
        }

    private:
        pid_t id_;
    };

    event_queue& events() { return *events_; }
    static bool cleared(std::span<const std::byte> bytes) {
        return eventually([=] {
            return *static_cast<const volatile std::byte*>(&bytes[offset]) == std::byte{0};
        });
    }
    bool cleared(const far_pages& pages) {
        return eventually([&] { return far().read(pages, offset, 1)[0] == '\0'; });
    }

    std::unique_ptr<event_queue> events_;
    port near_port_;
    port far_port_;
    error_code ec_;
};

TEST_F(unmap_notification, UnmapClearsTheByteAndNoOther) {
    auto granted = share_one();
    put(granted.bytes(), "abcdefghij");
    const auto mapped =
        far().map({own_grant(granted.references()[0])}, access::read_write, {offset, std::nullopt});
    EXPECT_EQ(text(granted.bytes(), 10), "abcdefghij");
    far().unmap(mapped);
    ASSERT_TRUE(cleared(granted.bytes()));
    EXPECT_EQ(text(granted.bytes(), 10), (std::string{"abcde\0ghij", 10}));
}

TEST_F(unmap_notification, UnmapRaisesTheEvent) {
    auto granted = share_one();
    const auto mapped = far().map({own_grant(granted.references()[0])}, access::read_only,
                                  {std::nullopt, far_port_});
    EXPECT_FALSE(events().has(near_port_));
    far().unmap(mapped);
    EXPECT_TRUE(events().wait(near_port_));
}

TEST_F(unmap_notification, KilledHolderClearsTheByteAndRaisesTheEvent) {
    auto granted = share_one();
    put(granted.bytes(), "abcdefghij");
    far().map({own_grant(granted.references()[0])}, access::read_write, {offset, far_port_});
    far().kill();
    EXPECT_TRUE(events().wait(near_port_));
    EXPECT_TRUE(cleared(granted.bytes()));
    EXPECT_TRUE(eventually([&] { return granted.end() != grant_end::busy; }));
}

TEST_F(unmap_notification, KilledOwnerClearsTheByteAndRaisesTheEvent) {
    const auto granted = far().share(near().self(), 1, access::read_write, {offset, far_port_});
    far().write(granted, 0, "abcdefghij");
    const auto mapped = near().map<access::read_only>(far().grants(granted));
    far().kill();
    EXPECT_TRUE(events().wait(near_port_));
    EXPECT_TRUE(cleared(mapped.bytes()));
    EXPECT_EQ(text(mapped.bytes(), 5), "abcde");
}

TEST_F(unmap_notification, EndingAGrantNotifiesLikeAnUnmap) {
    const auto granted = far().share(near().self(), 1, access::read_write, {offset, far_port_});
    far().write(granted, 0, "abcdefghij");
    auto mapped = near().map<access::read_only>(far().grants(granted));
    const auto result = far().end(granted);
    EXPECT_EQ(result, tells_end() ? grant_end::busy : grant_end::unknown);
    EXPECT_TRUE(events().wait(near_port_));
    EXPECT_TRUE(cleared(mapped.bytes()));
}

TEST_F(unmap_notification, WorksAfterTheEventChannelWasClosed) {
    auto granted = share_one();
    const auto mapped = far().map({own_grant(granted.references()[0])}, access::read_write,
                                  {std::nullopt, far_port_});
    far().close_events();
    far().unmap(mapped);
    EXPECT_TRUE(events().wait(near_port_));
}

TEST_F(unmap_notification, NearUnmapIsSeenByTheFarDomain) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    far().write(granted, offset, "!");
    if (far().has_event(far_port_))
        far().unmask(far_port_);
    auto mapped = near().map<access::read_write>(far().grants(granted), {offset, near_port_});
    mapped.reset();
    EXPECT_TRUE(far().wait_event(far_port_));
    EXPECT_TRUE(cleared(granted));
}

TEST_F(unmap_notification, ForkedChildDoesNotHoldAMapping) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    far().write(granted, offset, "!");
    auto mapped = near().map<access::read_write>(far().grants(granted), {offset, std::nullopt});
    const idle_child child;
    mapped.reset();
    EXPECT_TRUE(cleared(granted));
}

TEST_F(unmap_notification, ForkedChildDoesNotHoldAGrant) {
    auto granted = share_one({offset, std::nullopt});
    put(granted.bytes(), "abcdefghij");
    const auto mapped = far().map({own_grant(granted.references()[0])}, access::read_only);
    const idle_child child;
    granted = {};
    EXPECT_TRUE(cleared(mapped));
    far().unmap(mapped);
}

TEST_F(unmap_notification, PortMustBeBound) {
    EXPECT_EQ(code_of([&] { share_one({std::nullopt, port{4000}}); }), errc::unmap_notify_refused);
    const auto granted = far().share(near().self(), 1, access::read_write);
    EXPECT_EQ(code_of([&] {
                  near().map<access::read_write>(far().grants(granted), {std::nullopt, port{4000}});
              }),
              errc::unmap_notify_refused);
}

TEST_F(unmap_notification, ByteNeedsAWritableMapping) {
    const auto granted = far().share(near().self(), 1, access::read_write);
    EXPECT_EQ(code_of([&] {
                  near().map<access::read_only>(far().grants(granted), {offset, std::nullopt});
              }),
              boost::system::errc::invalid_argument);
}

} // namespace
} // namespace xenring::conformance
