// Opening and closing: paths, keys, geometry, errors.
#include "fixture.hpp"

namespace xenring::vchan::test {
namespace {

using opening = two_domains;

TEST(path_rules, AbsoluteRelativeAndBare) {
    const domid server{3}, client{7};
    EXPECT_EQ(base_path("/a/b", server, client), "/a/b");
    EXPECT_EQ(base_path("data/x", server, client), "/local/domain/3/data/x");
    EXPECT_EQ(base_path("echo", server, client), "/local/domain/3/data/vchan/7/echo");
}

TEST(path_rules, RefuseWhatTheStoreRefuses) {
    const domid server{3}, client{7};
    error_code ec;
    base_path("", server, client, ec);
    EXPECT_EQ(ec, asio::error::invalid_argument);
    base_path("a b", server, client, ec);
    EXPECT_EQ(ec, asio::error::invalid_argument);
    base_path("/" + std::string(3072, 'x'), server, client, ec);
    EXPECT_EQ(ec, errc::path_too_long);
    base_path("/" + std::string(3072 - 15, 'x'), server, client, ec);
    EXPECT_FALSE(ec) << "3072 bytes with /event-channel";
}

TEST(path_rules, Case21LibxenvchanTakes49Bytes) {
    EXPECT_TRUE(fits_libxenvchan(std::string(49, 'x')));
    EXPECT_FALSE(fits_libxenvchan(std::string(50, 'x')));
}

TEST_F(opening, BytesCrossBothWays) {
    auto [server, client] = connected();
    send(client, "question");
    expect(server, "question");
    send(server, "answer");
    expect(client, "answer");
}

TEST_F(opening, KeysAreDecimalAndReadableByTheClientOnly) {
    auto listening = server();
    listening.listen(client_domain, "data/place", small());
    auto& store = server_here->store();
    const std::string base = "/local/domain/1/data/place";
    EXPECT_EQ(listening.path(), base);
    for (const std::string key : {"/ring-ref", "/event-channel"}) {
        EXPECT_GT(std::stoul(store.read(base + key)), 0U);
        const store_permissions wanted{{server_domain, store_access::none},
                                       {client_domain, store_access::read}};
        EXPECT_EQ(store.get_permissions(base + key), wanted);
    }
}

TEST_F(opening, CloseRemovesTheKeysAndTheirDirectory) {
    auto listening = server();
    listening.listen(client_domain, "data/place", small());
    listening.close();
    EXPECT_FALSE(server_here->store().exists("/local/domain/1/data/place"));
}

TEST_F(opening, CloseLeavesAnotherServersKeysAlone) {
    auto first = server(), second = server();
    first.listen(client_domain, "data/place", small());
    second.listen(client_domain, "data/place", small());
    first.close();
    EXPECT_TRUE(server_here->store().exists("/local/domain/1/data/place/ring-ref"));
    auto late = client();
    late.connect(server_domain, "data/place", small());
    send(late, "found");
    expect(second, "found");
}

TEST_F(opening, CloseLeavesADirectoryThatOthersUse) {
    auto listening = server();
    listening.listen(client_domain, "data/place", small());
    server_here->store().write("/local/domain/1/data/place/note", "mine");
    listening.close();
    EXPECT_FALSE(server_here->store().exists("/local/domain/1/data/place/ring-ref"));
    EXPECT_TRUE(server_here->store().exists("/local/domain/1/data/place/note"));
}

TEST_F(opening, LoopbackIsRefusedUpFront) {
    auto own = server();
    error_code ec;
    own.listen(server_domain, "x", small(), ec);
    EXPECT_EQ(ec, errc::loopback_refused);
    own.connect(server_domain, "x", small(), ec);
    EXPECT_EQ(ec, errc::loopback_refused);
    EXPECT_THROW(acceptor(*server_here, server_domain, "x"), error);
}

TEST_F(opening, NobodyListens) {
    auto lonely = client();
    error_code ec;
    lonely.connect(server_domain, "nobody", small(), ec);
    EXPECT_EQ(ec, errc::server_keys_missing);
    EXPECT_FALSE(lonely.is_open());
}

TEST_F(opening, HalfWrittenAndMalformedKeysHaveNames) {
    auto& store = server_here->store();
    const std::string base = "/local/domain/1/data/odd";
    const store_permissions open{{server_domain, store_access::read}};
    const auto put = [&](const std::string& key, std::string_view value) {
        store.write(base + key, value);
        store.set_permissions(base + key, open);
    };
    auto visitor = client();
    error_code ec;
    put("/ring-ref", "8");
    visitor.connect(server_domain, "data/odd", small(), ec);
    EXPECT_EQ(ec, errc::server_keys_missing) << "no event-channel yet";
    put("/event-channel", "0");
    visitor.connect(server_domain, "data/odd", small(), ec);
    EXPECT_EQ(ec, errc::server_keys_missing) << "0 is not there yet";
    for (const auto* bad : {"", " 8", "8x", "-1", "0x8", "4294967296", "99999999999999999999"}) {
        put("/event-channel", bad);
        visitor.connect(server_domain, "data/odd", small(), ec);
        EXPECT_EQ(ec, errc::server_keys_malformed) << "'" << bad << "'";
    }
}

TEST_F(opening, SecondClientFindsTheChannelBusy) {
    auto [server, first] = connected();
    auto second = client();
    error_code ec;
    second.connect(server_domain, "test", small(), ec);
    EXPECT_EQ(ec, errc::channel_busy);
    send(first, "still mine");
    expect(server, "still mine");
}

TEST_F(opening, DeadServersKeysAreNoServer) {
    auto doomed = server();
    doomed.listen(client_domain, "test", small());
    local::kill_process(*server_program);
    EXPECT_TRUE(server_here->store().exists("/local/domain/1/data/vchan/2/test/ring-ref"));
    auto late = client();
    error_code ec;
    late.connect(server_domain, "test", small(), ec);
    EXPECT_TRUE(ec);
    EXPECT_FALSE(late.is_open());
}

TEST_F(opening, OpenTwiceIsRefused) {
    auto [server, client] = connected();
    error_code ec;
    client.connect(server_domain, "test", small(), ec);
    EXPECT_EQ(ec, asio::error::already_connected);
}

TEST_F(opening, MayBeOpenedAgainAfterClose) {
    auto [server, client] = connected();
    client.close();
    server.close();
    server.listen(client_domain, "again", small());
    client.connect(server_domain, "again", small());
    send(client, "second life");
    expect(server, "second life");
}

TEST_F(opening, AServerThatMayNotWriteThereSaysSo) {
    auto listening = server();
    error_code ec;
    listening.listen(client_domain, "/foo/bar", small(), ec);
    EXPECT_EQ(ec, errc::store_refused);
    EXPECT_NE(ec.message().find("data/"), std::string::npos) << ec.message();
}

TEST(opening_quota, AUsedUpQuotaOfNodesIsCalledThat) {
    asio::io_context io;
    local::machine_options few;
    few.store.nodes = 20;
    local::machine machine{few};
    const auto program = machine.open(server_domain);
    machine.open(client_domain);
    const domain here{io.get_executor(), program};
    error_code ec;
    for (int i = 0; !ec && i != 100; ++i)
        here.store().write("data/" + std::to_string(i), "", ec);
    ASSERT_TRUE(ec) << "there is no quota";
    stream listening{here};
    listening.listen(client_domain, "test", small(), ec);
    EXPECT_EQ(ec, errc::store_quota);
    EXPECT_EQ(ec, condition::resource_exhausted);
}

TEST_F(opening, WaitsForAServerUntilTheDeadlineAndKeepsTheReason) {
    auto patient = client();
    auto chosen = small();
    chosen.wait = std::chrono::milliseconds{1};
    error_code ec;
    patient.connect(server_domain, "nobody", chosen, ec);
    EXPECT_EQ(ec, errc::server_keys_missing);
    patient.async_connect(server_domain, "nobody", chosen, [&](error_code result) { ec = result; });
    ec.clear();
    run();
    EXPECT_EQ(ec, errc::server_keys_missing);

    auto [serving, served] = connected();
    patient.connect(server_domain, "test", chosen, ec);
    EXPECT_EQ(ec, errc::channel_busy);
}

TEST_F(opening, FindsAServerThatComesLater) {
    auto patient = client(), late = server();
    auto chosen = small();
    chosen.wait = options::forever;
    bool there = false;
    patient.async_connect(server_domain, "test", chosen, [&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        there = true;
    });
    late.async_listen(client_domain, "test", small(), [](error_code ec) { EXPECT_FALSE(ec); });
    run();
    ASSERT_TRUE(there);
    send(patient, "hello");
    expect(late, "hello");
}

TEST_F(opening, CancelledListeningLeavesNoAnnouncement) {
    const auto before = left_over();
    // Whether the pages are granted already when it is cancelled is up to the threads.
    for (int round = 0; round != 20; ++round) {
        auto listening = server();
        error_code result;
        listening.async_listen(client_domain, "test", small(), [&](error_code ec) { result = ec; });
        if (round % 2)
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        listening.cancel();
        run();
        EXPECT_EQ(result, asio::error::operation_aborted);
        EXPECT_FALSE(server_here->store().exists("data/vchan/2/test"));
        EXPECT_EQ(left_over(), before);
    }
}

TEST_F(opening, AContextThatGoesAwayLeavesNoAnnouncement) {
    {
        asio::io_context other;
        const domain here{other.get_executor(), server_program};
        stream listening{here};
        listening.async_listen(client_domain, "test", small(), [](error_code) {});
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    EXPECT_FALSE(server_here->store().exists("data/vchan/2/test"));
}

TEST_F(opening, AsyncCloseTellsWhenTheAnnouncementIsGone) {
    auto [server, client] = connected();
    bool closed = false;
    server.async_close([&](error_code ec) {
        EXPECT_FALSE(ec) << ec.message();
        EXPECT_FALSE(server_here->store().exists("data/vchan/2/test"));
        closed = true;
    });
    EXPECT_FALSE(server.is_open());
    EXPECT_FALSE(closed);
    EXPECT_EQ(read_error(client), asio::error::eof);
    run();
    EXPECT_TRUE(closed);
    client.async_close([&](error_code ec) { closed = bool(ec); });
    run();
    EXPECT_FALSE(closed);
}

TEST_F(opening, NothingIsLeftOverAfterClose) {
    const auto before = left_over();
    {
        auto [server, client] = connected(sized(1 << 16, 1 << 16));
        EXPECT_GT(left_over(), before);
    }
    EXPECT_EQ(left_over(), before);
}

TEST_F(opening, ClientMayCloseFirstOrLast) {
    const auto before = left_over();
    for (const bool client_first : {true, false}) {
        auto [server, client] = connected(sized(1 << 14, 1 << 14));
        (client_first ? client : server).close();
        (client_first ? server : client).close();
        server_program->retry_quarantine();
        EXPECT_EQ(left_over(), before);
    }
}

} // namespace
} // namespace xenring::vchan::test
