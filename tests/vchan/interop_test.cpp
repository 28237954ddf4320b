// Byte for byte against peers moved by hand: what libxenvchan, ocaml-vchan, QubesDB and Zephyr do.
#include "raw_peer.hpp"

#include <algorithm>

namespace xenring::vchan::test {
namespace {

class interop : public two_domains {
protected:
    stream listening(const options& chosen = small()) {
        auto ours = server();
        ours.listen(client_domain, "test", chosen);
        return ours;
    }
    raw_client old_client() { return {*client_program, client_here->store()}; }
    raw_server old_server(ring::vchan_geometry geometry = {10, 11}) {
        return {*server_program, server_here->store(), geometry};
    }
    stream connected_to_old_server() {
        auto ours = client();
        ours.connect(server_domain, "test", small());
        return ours;
    }
};

TEST_F(interop, Case1RingSizes) {
    struct {
        std::size_t left, right, got_left, got_right;
    } const table[] = {
        {0, 0, 1024, 2048},       {1024, 2048, 1024, 2048},
        {1025, 1024, 2048, 1024}, {1024, 2049, 2048, 4096},
        {2049, 1024, 4096, 2048}, {2049, 2049, 4096, 4096},
        {4096, 4097, 4096, 8192}, {1 << 20, 1 << 20, 1 << 20, 1 << 20},
    };
    for (const auto& row : table) {
        auto both = connected(sized(row.left, row.right));
        EXPECT_EQ(both.client.write_capacity(), row.got_left) << row.left << ':' << row.right;
        EXPECT_EQ(both.server.write_capacity(), row.got_right) << row.left << ':' << row.right;
        EXPECT_EQ(both.server.read_capacity(), row.got_left);
        EXPECT_EQ(both.client.read_capacity(), row.got_right);
        const std::string text(5000, 'r');
        std::string got(text.size(), ' ');
        asio::async_write(both.server, asio::buffer(text),
                          [](error_code ec, std::size_t) { EXPECT_FALSE(ec); });
        asio::async_read(both.client, asio::buffer(got),
                         [](error_code ec, std::size_t) { EXPECT_FALSE(ec); });
        run();
        EXPECT_EQ(got, text);
    }
    auto ours = server();
    error_code ec;
    ours.listen(client_domain, "test", sized((1 << 20) + 1, 0), ec);
    EXPECT_EQ(ec, errc::bad_geometry);
}

TEST_F(interop, Case2PageOfAFreshServer) {
    auto ours = listening();
    auto peer = old_client();
    EXPECT_EQ(peer.get<std::uint16_t>(left_order), 10);
    EXPECT_EQ(peer.get<std::uint16_t>(right_order), 11);
    EXPECT_EQ(peer.get<std::uint8_t>(cli_live), 2);
    EXPECT_EQ(peer.get<std::uint8_t>(srv_live), 1);
    EXPECT_EQ(peer.get<std::uint8_t>(cli_notify), 1);
    EXPECT_EQ(peer.get<std::uint8_t>(srv_notify), 0);
    const auto page = peer.page();
    const auto zero = [&](std::size_t from, std::size_t to) {
        return std::all_of(page.begin() + static_cast<std::ptrdiff_t>(from),
                           page.begin() + static_cast<std::ptrdiff_t>(to),
                           [](std::byte value) { return value == std::byte{0}; });
    };
    EXPECT_TRUE(zero(0, 16)) << "indices";
    EXPECT_TRUE(zero(24, 1020)) << "no references, and the client has not marked anything";
    EXPECT_EQ(peer.get<std::uint32_t>(1020), 0x4e45504fU) << "the server's mark";
    EXPECT_TRUE(zero(1024, 4096)) << "rings";
}

TEST_F(interop, Case2PageAfterOurClientConnected) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    EXPECT_EQ(peer.get<std::uint8_t>(cli_live), 1);
    EXPECT_EQ(peer.get<std::uint8_t>(srv_live), 1);
    EXPECT_EQ(peer.get<std::uint8_t>(srv_notify), 1);
    EXPECT_EQ(peer.events(), 1U) << "connecting notifies";
    ours.close();
    EXPECT_EQ(peer.get<std::uint8_t>(cli_live), 0);
    EXPECT_EQ(peer.get<std::uint32_t>(1016), 0x534f4c43U) << "the client's mark";
    EXPECT_EQ(peer.events(), 1U);
}

TEST_F(interop, Case2WhereTheBytesLie) {
    auto ours = listening();
    auto peer = old_client();
    peer.connect();
    send(ours, "down");
    EXPECT_EQ(std::memcmp(peer.page().data() + 2048, "down", 4), 0);
    EXPECT_EQ(peer.get<std::uint32_t>(right_prod), 4U);
    peer.write("upwards");
    expect(ours, "upwards");
    EXPECT_EQ(peer.get<std::uint32_t>(left_cons), 7U);
}

TEST_F(interop, Case6IndicesWrapAtTwoToTheThirtyTwo) {
    auto peer = old_server();
    for (const auto offset : {left_cons, left_prod, right_cons, right_prod})
        peer.put<std::uint32_t>(offset, 0xfffffff0U);
    auto ours = connected_to_old_server();
    const std::string text = "across the end of the number line";
    send(ours, text);
    EXPECT_EQ(peer.get<std::uint32_t>(left_prod),
              static_cast<std::uint32_t>(0xfffffff0U + text.size()));
    for (std::size_t i = 0; i != text.size(); ++i)
        EXPECT_EQ(static_cast<char>(peer.page()[1024 + ((0xfffffff0U + i) & 1023)]), text[i]);
    std::string far(100, 'f');
    for (std::size_t i = 0; i != far.size(); ++i)
        peer.page()[2048 + ((0xfffffff0U + i) & 2047)] = std::byte{'f'};
    peer.put<std::uint32_t>(right_prod, 0xfffffff0U + 100);
    expect(ours, far);
    EXPECT_EQ(peer.get<std::uint32_t>(right_cons), 84U);
}

TEST_F(interop, Case8EarlyServerWriteIsKeptForTheClient) {
    auto ours = listening();
    send(ours, "welcome");
    auto late = client();
    late.connect(server_domain, "test", small());
    expect(late, "welcome");
}

TEST_F(interop, Case14OrdersThatAClientTakes) {
    for (const auto geometry : {ring::vchan_geometry{10, 11},
                                {11, 10},
                                {11, 12},
                                {12, 11},
                                {10, 12},
                                {12, 10},
                                {12, 12},
                                {11, 20}}) {
        auto peer = old_server(geometry);
        auto ours = client();
        error_code ec;
        ours.connect(server_domain, "test", small(), ec);
        EXPECT_FALSE(ec) << geometry.left_order << ',' << geometry.right_order << ec.message();
        if (ec)
            continue;
        EXPECT_EQ(ours.write_capacity(), std::size_t{1} << geometry.left_order);
        EXPECT_EQ(ours.read_capacity(), std::size_t{1} << geometry.right_order);
        send(ours, "through");
        const auto at = geometry.left_order < 12 ? peer.page().subspan(ours.write_capacity())
                                                 : peer.left.bytes();
        EXPECT_EQ(std::memcmp(at.data(), "through", 7), 0);
    }
}

TEST_F(interop, Case14OrdersThatAClientRefuses) {
    for (const auto geometry : {ring::vchan_geometry{9, 11},
                                {10, 21},
                                {10, 10},
                                {11, 11},
                                {10, 20},
                                {0, 0},
                                {65535, 65535}}) {
        auto peer = old_server({10, 11});
        peer.put(left_order, geometry.left_order);
        peer.put(right_order, geometry.right_order);
        auto ours = client();
        error_code ec;
        ours.connect(server_domain, "test", small(), ec);
        EXPECT_EQ(ec, errc::bad_geometry) << geometry.left_order << ',' << geometry.right_order;
    }
}

TEST_F(interop, Case15ReusedPageGoesOnWhereItWas) {
    auto peer = old_server();
    peer.put<std::uint8_t>(cli_live, 0); // somebody was here before
    peer.put<std::uint32_t>(left_cons, 500);
    peer.put<std::uint32_t>(left_prod, 500);
    peer.put<std::uint32_t>(right_cons, 70);
    peer.put<std::uint32_t>(right_prod, 75);
    std::memcpy(peer.page().data() + 2048 + 70, "stale", 5);
    auto ours = connected_to_old_server();
    expect(ours, "stale");
    send(ours, "new");
    EXPECT_EQ(peer.get<std::uint32_t>(left_prod), 503U);
    EXPECT_EQ(std::memcmp(peer.page().data() + 1024 + 500, "new", 3), 0);
}

TEST_F(interop, Case15QuickReconnectEndsTheStream) {
    auto ours = listening();
    auto first = old_client();
    first.connect();
    first.write("1");
    expect(ours, "1");
    ours.non_blocking(true);
    EXPECT_EQ(read_error(ours), asio::error::would_block); // has seen the client, and says so
    EXPECT_EQ(first.get<std::uint8_t>(cli_live), 2) << "so that a new 1 is a new client";
    first.close();
    auto second = old_client();
    second.connect();
    EXPECT_EQ(read_error(ours), asio::error::eof);
}

TEST_F(interop, Case16SilentClientIsFound) {
    auto ours = listening();
    auto peer = old_client();
    bool connected = false;
    ours.async_wait(wait_type::connected, [&](error_code ec) {
        EXPECT_FALSE(ec);
        connected = true;
    });
    io.poll();
    peer.connect_silently();
    run();
    EXPECT_TRUE(connected);
}

TEST_F(interop, Case17EventStormCostsNothingButLooks) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    char byte = 0;
    bool done = false;
    ours.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t) {
        EXPECT_FALSE(ec);
        done = true;
    });
    for (int i = 0; i != 10'000; ++i) {
        peer.notify();
        io.poll();
    }
    EXPECT_FALSE(done);
    peer.page()[2048] = std::byte{'!'};
    peer.put<std::uint32_t>(right_prod, 1);
    peer.notify();
    run();
    EXPECT_TRUE(done);
    EXPECT_EQ(byte, '!');
}

TEST_F(interop, Case18PeerThatAlwaysArmsGetsItsEvents) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    peer.events();
    for (int i = 0; i != 100; ++i) {
        peer.put<std::uint8_t>(cli_notify, 3);
        send(ours, "x");
        EXPECT_EQ(peer.get<std::uint8_t>(cli_notify), 2) << "only the bit that was answered";
        EXPECT_EQ(peer.events(), 1U);
    }
}

TEST_F(interop, Case18NobodyAsksNobodyIsTold) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    peer.events();
    peer.put<std::uint8_t>(cli_notify, 0);
    for (int i = 0; i != 100; ++i)
        send(ours, "x");
    EXPECT_EQ(peer.events(), 0U);
    EXPECT_EQ(ours.stats().notifications, 0U);
}

TEST_F(interop, Case19ReceiverThatBlocksFirstIsWoken) {
    auto peer = old_server(); // sleeps at once and trusts that WRITE is set from the beginning
    auto ours = connected_to_old_server();
    peer.events();
    send(ours, "first");
    EXPECT_EQ(peer.events(), 1U);

    auto listener = server();
    listener.listen(client_domain, "other", small());
    raw_client sleeper{*client_program, client_here->store(), listener.path()};
    sleeper.connect();
    sleeper.events();
    send(listener, "first");
    EXPECT_EQ(sleeper.events(), 1U);
}

TEST_F(interop, Case22DeferredAckHoldsTheLastChunkBack) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    send(ours, std::string(1024, 'a'));
    bool drained = false;
    error_code written = errc::timed_out;
    ours.async_drain([&](error_code ec) { drained = !ec; });
    ours.async_write_some(asio::buffer("b", 1), [&](error_code ec, std::size_t) { written = ec; });
    io.poll();
    peer.put<std::uint32_t>(left_cons, 1000); // 24 bytes read and not given back
    peer.notify();
    io.poll();
    EXPECT_FALSE(written) << "there was room";
    EXPECT_FALSE(drained);
    peer.put<std::uint32_t>(left_cons, 1025);
    peer.notify();
    run();
    EXPECT_TRUE(drained);
}

TEST_F(interop, Case23PeerThatSleepsWithoutLookingAgainIsWoken) {
    // Zephyr's driver looks, sets its bit and sleeps: what is written in between it overlooks.
    auto peer = old_server();
    auto ours = connected_to_old_server();
    for (std::uint32_t i = 1; i != 50; ++i) {
        peer.events();
        peer.put<std::uint8_t>(cli_notify, 0);
        send(ours, "z"); // after it has looked
        EXPECT_EQ(peer.events(), 0U);
        peer.put<std::uint8_t>(cli_notify, 1);
        bool drained = false;
        ours.async_drain([&](error_code ec) { drained = !ec; });
        io.poll();
        EXPECT_EQ(peer.events(), 1U);
        EXPECT_EQ(peer.get<std::uint8_t>(cli_notify), 0);
        peer.put<std::uint32_t>(left_cons, i);
        peer.notify();
        run();
        EXPECT_TRUE(drained);
    }
}

TEST_F(interop, Case23PeerThatOverlookedAFullRingIsWoken) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    peer.put<std::uint8_t>(cli_notify, 0);
    send(ours, std::string(1024, 'z'));
    peer.put<std::uint8_t>(cli_notify, 1);
    peer.events();
    bool written = false;
    ours.async_write_some(asio::buffer("b", 1), [&](error_code ec, std::size_t) { written = !ec; });
    io.poll();
    EXPECT_EQ(peer.events(), 1U);
    peer.put<std::uint32_t>(left_cons, 1024);
    peer.notify();
    run();
    EXPECT_TRUE(written);
}

TEST_F(interop, Case24StreamingNeedsFewEvents) {
    // libxenvchan's read(4096) with 64 bytes there arms each time: 1000 events for 1000 messages.
    auto both = connected(sized(1 << 16, 1 << 16));
    std::string message(64, 'm'), room(4096, ' ');
    for (int i = 0; i != 1000; ++i) {
        send(both.client, message);
        EXPECT_EQ(both.server.read_some(asio::buffer(room)), 64U);
    }
    const auto events = both.client.stats().notifications + both.server.stats().notifications;
    EXPECT_LE(events, 2U);
    RecordProperty("events_per_1000_messages", static_cast<int>(events));
}

TEST_F(interop, ReadsAndWritesDoNotArmWhileThereIsWork) {
    auto peer = old_server();
    auto ours = connected_to_old_server();
    peer.put<std::uint8_t>(srv_notify, 0);
    send(ours, "w");
    EXPECT_EQ(peer.get<std::uint8_t>(srv_notify), 0) << "no READ bit: there was space";
    peer.put<std::uint32_t>(right_prod, 1);
    expect(ours, std::string(1, '\0'));
    EXPECT_EQ(peer.get<std::uint8_t>(srv_notify), 0) << "no WRITE bit: there was a byte";
}

} // namespace
} // namespace xenring::vchan::test
