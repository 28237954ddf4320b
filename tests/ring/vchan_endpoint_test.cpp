#include "guarded_memory.hpp"

#include <xenring/ring/vchan_endpoint.hpp>

#include <gtest/gtest.h>

#include <cstring>

namespace xenring::ring {
namespace {

/// A server (1 KiB left, 2 KiB right) and its client on one page.
class VchanEndpoint : public testing::Test {
protected:
    VchanEndpoint() {
        EXPECT_EQ(page.initialise({10, 11}, {}), fault::none);
        page.connect();
    }
    static void write(vchan_output& to, std::string_view text) {
        const byte_spans space = to.prepare(text.size());
        const auto bytes = std::as_bytes(std::span(text));
        copy_bytes_in(space.first, bytes);
        copy_bytes_in(space.second, bytes.subspan(space.first.size()));
        to.commit(space.size());
    }
    static std::string read(vchan_input& from) {
        const const_byte_spans data = from.data();
        std::string text(data.size(), ' ');
        const auto bytes = std::as_writable_bytes(std::span(text));
        copy_bytes_out(bytes, data.first);
        copy_bytes_out(bytes.subspan(data.first.size()), data.second);
        from.consume(data.size());
        return text;
    }
    /// Forgets the initial wishes, which ask for a notification at the first write.
    void forget_wishes() { page.control().cli_notify = page.control().srv_notify = 0; }

    test::guarded_memory memory;
    vchan_page page{memory.first_page()};
    vchan_output client_out{page, vchan_role::client, page.ring_in_page(10)};
    vchan_input client_in{page, vchan_role::client, page.ring_in_page(11)};
    vchan_output server_out{page, vchan_role::server, page.ring_in_page(11)};
    vchan_input server_in{page, vchan_role::server, page.ring_in_page(10)};
};

TEST_F(VchanEndpoint, BytesGoBothWaysInTheirOwnRing) {
    write(client_out, "to server");
    write(server_out, "to client");
    EXPECT_TRUE(client_out.publish()) << "the first write is always notified";
    EXPECT_TRUE(server_out.publish());
    EXPECT_EQ(page.control().left.prod, 9u);
    EXPECT_EQ(page.control().right.prod, 9u);
    EXPECT_EQ(read(server_in), "to server");
    EXPECT_EQ(read(client_in), "to client");
    EXPECT_FALSE(server_in.publish()) << "nobody waits for space";
    EXPECT_EQ(page.control().left.cons, 9u);
}

TEST_F(VchanEndpoint, ReaderArmsTheBitThatTheWriterTakes) {
    forget_wishes();
    EXPECT_FALSE(server_in.arm());
    EXPECT_EQ(page.control().cli_notify, vchan_notify_write) << "the server asks the client";
    write(client_out, "x");
    EXPECT_TRUE(client_out.publish());
    EXPECT_EQ(page.control().cli_notify, 0);
    write(client_out, "y");
    EXPECT_FALSE(client_out.publish()) << "asked once, told once";
    EXPECT_TRUE(server_in.arm()) << "data is there";
}

TEST_F(VchanEndpoint, WriterArmsTheBitThatTheReaderTakes) {
    forget_wishes();
    write(client_out, std::string(1024, 'a'));
    (void)client_out.publish();
    EXPECT_FALSE(client_out.arm());
    EXPECT_EQ(page.control().srv_notify, vchan_notify_read) << "the client asks the server";
    EXPECT_EQ(read(server_in).size(), 1024u);
    EXPECT_FALSE(client_out.drained());
    EXPECT_TRUE(server_in.publish());
    EXPECT_EQ(page.control().srv_notify, 0);
    EXPECT_TRUE(client_out.drained());
    EXPECT_TRUE(client_out.arm(1024));
}

TEST_F(VchanEndpoint, PublishingLeavesTheOtherDirectionsWishAlone) {
    forget_wishes();
    page.control().srv_notify = vchan_notify_read;
    write(client_out, "x");
    (void)client_out.publish();
    page.control().srv_notify = vchan_notify_write | vchan_notify_read;
    write(server_out, "x");
    EXPECT_TRUE(server_out.publish());
    EXPECT_EQ(page.control().srv_notify, vchan_notify_read);
}

TEST_F(VchanEndpoint, ArmingForAnAmountWaitsForThatAmount) {
    write(client_out, "abc");
    (void)client_out.publish();
    EXPECT_TRUE(server_in.arm(3));
    EXPECT_FALSE(server_in.arm(4));
}

TEST_F(VchanEndpoint, WriteThenCloseLosesNothing) {
    write(client_out, "last words");
    (void)client_out.publish();
    page.close(vchan_role::client);
    EXPECT_FALSE(server_in.ended()) << "bytes are left";
    EXPECT_EQ(read(server_in), "last words");
    EXPECT_TRUE(server_in.ended());
    EXPECT_FALSE(server_out.peer_open());
}

TEST_F(VchanEndpoint, AServerMayWriteBeforeAClientExists) {
    page.control().cli_live = 2;
    EXPECT_TRUE(server_out.peer_open());
    EXPECT_FALSE(server_in.ended());
    write(server_out, "early");
    (void)server_out.publish();
    vchan_input late{page, vchan_role::client, page.ring_in_page(11)};
    EXPECT_EQ(read(late), "early");
}

TEST_F(VchanEndpoint, ALiveByteThatMeansNothingPoisons) {
    page.control().srv_live = 7;
    EXPECT_FALSE(client_in.ended());
    EXPECT_EQ(client_in.fault(), fault::bad_live_byte);
    EXPECT_TRUE(client_in.arm()) << "do not sleep, look at the fault";
    EXPECT_FALSE(client_out.peer_open());
    EXPECT_EQ(client_out.fault(), fault::bad_live_byte);
}

TEST_F(VchanEndpoint, ImpossibleIndicesAreNamedAndEndArming) {
    page.control().left.prod = 1025;
    EXPECT_TRUE(server_in.data().empty());
    EXPECT_EQ(server_in.fault(), fault::producer_overrun);
    EXPECT_TRUE(server_in.arm());
    EXPECT_FALSE(server_in.ended());
    page.control().left.cons = 1;
    EXPECT_TRUE(client_out.arm());
    EXPECT_EQ(client_out.fault(), fault::consumer_overrun);
}

TEST_F(VchanEndpoint, AReusedPageGoesOnWhereItWas) {
    write(client_out, "stale");
    (void)client_out.publish();
    vchan_output next{page, vchan_role::client, page.ring_in_page(10)};
    write(next, " new");
    (void)next.publish();
    EXPECT_EQ(read(server_in), "stale new");
}

} // namespace
} // namespace xenring::ring
