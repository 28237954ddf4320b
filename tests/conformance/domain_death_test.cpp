// A whole domain is destroyed. The last test of the suite: there is no far domain after it.
#include "two_domains.hpp"

#include <xenring/grant/store_watch.hpp>

namespace xenring::conformance {
namespace {

class domain_death : public two_domains {
protected:
    void TearDown() override {} // what it checks needs a far domain

    std::unique_ptr<event_queue> events_;
};

TEST_F(domain_death, TakesItsStoreNodesButNotThePagesWeMap) {
    ASSERT_TRUE(the_setting().destroy_far) << "this setting cannot destroy the far domain";
    events_ = std::make_unique<event_queue>(near().open_event_channel());
    error_code ec;
    const auto own = events_->channel().bind_unbound(far().id(), ec);
    ASSERT_FALSE(ec);
    const auto theirs = far().bind_interdomain(near().self(), own);
    if (events_->has(own))
        events_->channel().unmask(own, ec);

    const auto granted = far().share(near().self(), 1, access::read_write, {1, theirs});
    far().write(granted, 0, "epitaph");
    auto mapped = near().map<access::read_write>(far().grants(granted));
    auto held = share_one();
    far().map({own_grant(held.references()[0])}, access::read_write, {0, theirs});
    put(held.bytes(), "x");
    EXPECT_FALSE(events_->has(own));
    auto watch = near_store().watch(far().home() + "data");
    watch.wait_for(patience);

    the_setting().destroy_far();

    while (!ec && near_store().exists(far().home() + "data"))
        watch.wait_for(patience, ec);
    EXPECT_FALSE(ec) << ec.message();
    // Unmap notifications are its kernel's to raise, and that died with it.
    EXPECT_EQ(text(mapped.bytes(), 7), "epitaph");
    EXPECT_EQ(text(held.bytes(), 1), "x");
    EXPECT_FALSE(events_->has(own));
    // What it held of ours is ours again.
    EXPECT_TRUE(eventually([&] { return held.end() != grant_end::busy; }));
    // Its port is as gone as it is: nobody can be told, and that is no error.
    events_->channel().notify(own, ec);
    EXPECT_FALSE(ec) << ec.message();
    mapped.reset();
    EXPECT_TRUE(code_of([&] { near().map<access::read_only>(far().grants(granted)); }));
}

} // namespace
} // namespace xenring::conformance
