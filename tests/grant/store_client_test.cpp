#include "store_fixture.hpp"

#include <xenring/grant/store_watch.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <thread>
#include <vector>

namespace xenring {
namespace {

namespace asio = boost::asio;
using store_wire::message_type;

class StoreClient : public store_fixture {};

TEST_F(StoreClient, ReadsWhatItWroteWithNoContextRunning) {
    store own = connect(1);
    const std::string value{"binary\0value", 12};
    own.write("data/x", value);
    EXPECT_EQ(own.read("data/x"), value);
    EXPECT_EQ(own.read("/local/domain/1/data/x"), value);
    EXPECT_EQ(own.read("domid"), "1");
    EXPECT_EQ(own.get_domain_path(domid{7}), "/local/domain/7");
}

TEST_F(StoreClient, ListsMakesAndRemoves) {
    store own = connect(1);
    own.mkdir("data/dir");
    own.write("data/dir/b", "");
    own.write("data/dir/a/deep", "");
    EXPECT_EQ(own.directory("data/dir"), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(own.exists("data/dir/a"));
    own.remove("data/dir");
    EXPECT_FALSE(own.exists("data/dir/a"));
    EXPECT_FALSE(own.exists("data/dir"));
    own.remove("data/dir"); // gone already, its parent is there: fine
}

TEST_F(StoreClient, KeepsTheStoresErrno) {
    store own = connect(1);
    error_code ec;
    own.read("data/missing", ec);
    EXPECT_EQ(ec, enoent());
    own.write("/forbidden", "x", ec);
    EXPECT_EQ(ec, eacces());
    EXPECT_EQ(ec, boost::system::errc::permission_denied);
    server->fail_nth(message_type::read, 1, "EIO");
    own.read("data", ec);
    EXPECT_EQ(ec, errno_code(EIO));
    own.read("data", ec);
    EXPECT_FALSE(ec);
}

TEST_F(StoreClient, ReadsEachOfSeveralNodesOrSaysWhyNot) {
    store own = connect(1);
    own.write("data/a", "one");
    const std::vector<std::string> paths{"data/a", "data/missing", "//", "domid",
                                         "/local/domain/2"};
    const auto results = own.read_each(paths);
    ASSERT_EQ(results.size(), paths.size());
    EXPECT_EQ(results[0].value, "one");
    EXPECT_EQ(results[1].ec, enoent());
    EXPECT_EQ(results[2].ec, errno_code(EINVAL));
    EXPECT_EQ(results[3].value, "1");
    EXPECT_EQ(results[4].ec, eacces());
    EXPECT_TRUE(own.read_each({}).empty());
}

TEST_F(StoreClient, ThrowsWithTheOperationAndThePath) {
    store own = connect(1);
    try {
        own.read("data/missing");
        FAIL();
    } catch (const error& failure) {
        EXPECT_EQ(failure.code(), enoent());
        EXPECT_NE(std::string{failure.what()}.find("read \"data/missing\""), std::string::npos)
            << failure.what();
    }
}

TEST_F(StoreClient, RefusesPathsAndPayloadsThatTheWireCannotCarry) {
    store own = connect(1);
    error_code ec;
    own.read("data//x", ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
    own.read("", ec);
    EXPECT_EQ(ec, errno_code(EINVAL));
    own.read(std::string(2049, 'a'), ec);
    EXPECT_EQ(ec, errc::path_too_long);
    own.write("data/x", std::string(4096, 'v'), ec);
    EXPECT_EQ(ec, errno_code(E2BIG));
    EXPECT_TRUE(own.is_open());
}

TEST_F(StoreClient, ListsADirectoryThatNeedsManyMessages) {
    store control = connect(0);
    std::vector<std::string> names;
    for (int each = 0; each < 1500; ++each) {
        names.push_back("a-rather-long-name-" + std::to_string(100000 + each));
        control.write("/big/" + names.back(), "");
    }
    EXPECT_EQ(control.directory("/big"), names);
    auto later = control.async_directory("/big", asio::use_future);
    context.run();
    EXPECT_EQ(later.get(), names);
}

TEST_F(StoreClient, SetsAndTellsPermissions) {
    store own = connect(1);
    const store_permissions shared{{domid{1}, store_access::none}, {domid{2}, store_access::both}};
    own.write("data/x", "v");
    own.set_permissions("data/x", shared);
    EXPECT_EQ(own.get_permissions("data/x"), shared);
    store peer = connect(2);
    EXPECT_EQ(peer.read("/local/domain/1/data/x"), "v");
    peer.write("/local/domain/1/data/x", "w");
    EXPECT_EQ(own.read("data/x"), "w");
}

TEST_F(StoreClient, RunsManyAsynchronousOperationsAtOnce) {
    store own = connect(1);
    std::vector<std::string> got;
    for (int each = 0; each < 50; ++each) // more than the store answers before it is read
        own.async_write("data/" + std::to_string(each), std::to_string(each),
                        [](error_code ec) { EXPECT_FALSE(ec) << ec.message(); });
    for (int each = 0; each < 50; ++each)
        own.async_read("data/" + std::to_string(each), [&](error_code ec, std::string value) {
            EXPECT_FALSE(ec) << ec.message();
            got.push_back(std::move(value));
        });
    context.run();
    ASSERT_EQ(got.size(), 50u);
    EXPECT_EQ(got[49], "49");
}

TEST_F(StoreClient, ABlockedCallHandsOutOthersAnswers) {
    store own = connect(1);
    bool done = false;
    own.async_read("domid", [&](error_code ec, std::string value) {
        EXPECT_FALSE(ec);
        EXPECT_EQ(value, "1");
        done = true;
    });
    EXPECT_EQ(own.read("name"), "domain-1");
    EXPECT_FALSE(done); // only ever on the executor
    context.run();
    EXPECT_TRUE(done);
}

TEST_F(StoreClient, AnIdleStoreKeepsNoContextRunning) {
    store own = connect(1);
    store_watch watch = own.watch("data");
    own.async_read("domid", [](error_code, const std::string&) {});
    context.run();
    SUCCEED();
}

/// A client whose store is the test itself: it answers what, and when, the test wants.
class StorePeer : public testing::Test {
protected:
    StorePeer() {
        std::array<int, 2> ends;
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
        remote = ends[1];
        client.emplace(context.get_executor(), std::make_unique<fd_store_pipe>(ends[0]));
    }
    ~StorePeer() override { hang_up(); }

    void hang_up() {
        if (remote >= 0)
            ::close(std::exchange(remote, -1));
    }
    void send(const store_wire::message& what) {
        std::vector<std::byte> bytes;
        store_wire::encode(what, bytes);
        send(bytes);
    }
    void send(std::span<const std::byte> bytes) {
        ASSERT_EQ(::write(remote, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }

    asio::io_context context;
    std::optional<store> client;
    int remote = -1;
    asio::cancellation_signal signal;
};

TEST_F(StorePeer, ACancelledReadEndsAndItsLateAnswerIsNobodys) {
    error_code result;
    client->async_read(
        "a", asio::bind_cancellation_slot(signal.slot(),
                                          [&](error_code ec, const std::string&) { result = ec; }));
    signal.emit(asio::cancellation_type::total);
    context.run();
    EXPECT_EQ(result, asio::error::operation_aborted);

    send({message_type::read, 1, 0, "late"});
    send({message_type::read, 2, 0, "mine"});
    EXPECT_EQ(client->read("b"), "mine");
}

TEST_F(StorePeer, SeveralReadsWaitOnceOnly) {
    send({message_type::read, 2, 0, "second"}); // nobody's, had it not been asked for by now
    send({message_type::read, 1, 0, "first"});
    const std::vector<std::string> paths{"a", "b"};
    const auto results = client->read_each(paths);
    EXPECT_EQ(results[0].value, "first");
    EXPECT_EQ(results[1].value, "second");
    hang_up();
    for (const auto& result : client->read_each(paths))
        EXPECT_EQ(result.ec, errc::store_gone);
}

TEST_F(StorePeer, AWriteIsOnlyCancelledForGood) {
    int ended = 0;
    client->async_write("a", "v", asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) {
                            EXPECT_EQ(ec, asio::error::operation_aborted);
                            ++ended;
                        }));
    signal.emit(asio::cancellation_type::total);
    context.poll();
    EXPECT_EQ(ended, 0);
    signal.emit(asio::cancellation_type::terminal);
    context.restart();
    context.run();
    EXPECT_EQ(ended, 1);
}

TEST_F(StorePeer, EndsEverythingWhenTheStoreGoes) {
    std::vector<error_code> ended;
    client->async_read("a", [&](error_code ec, const std::string&) { ended.push_back(ec); });
    client->async_write("b", "", [&](error_code ec) { ended.push_back(ec); });
    hang_up();
    context.run();
    EXPECT_EQ(ended, (std::vector<error_code>(2, errc::store_gone)));
    EXPECT_FALSE(client->is_open());
    error_code ec;
    client->read("a", ec);
    EXPECT_EQ(ec, errc::store_gone);
}

TEST_F(StorePeer, DestroyingTheStoreEndsEverythingAborted) {
    error_code result;
    client->async_read("a", [&](error_code ec, const std::string&) { result = ec; });
    client.reset();
    context.run();
    EXPECT_EQ(result, asio::error::operation_aborted);
}

TEST_F(StorePeer, AnswersThatBreakTheProtocolAreANamedError) {
    send({message_type::write, 1, 0, "OK"}); // the wrong type
    error_code ec;
    client->read("a", ec);
    EXPECT_EQ(ec, errc::store_protocol);
    EXPECT_FALSE(client->is_open());
}

TEST_F(StorePeer, AnImpossibleLengthIsANamedError) {
    const std::array<std::uint32_t, 4> header{2, 1, 0, 0xffffffff};
    send(std::as_bytes(std::span{header}));
    error_code ec;
    client->read("a", ec);
    EXPECT_EQ(ec, errc::store_protocol);
}

TEST_F(StorePeer, AnAnswerThatNobodyAskedForIsANamedError) {
    send({message_type::read, 99, 0, "x"});
    error_code ec;
    client->read("a", ec);
    EXPECT_EQ(ec, errc::store_protocol);
}

TEST_F(StorePeer, BlockedCallsOfManyThreadsGetTheirOwnAnswers) {
    constexpr int threads = 8;
    std::vector<std::thread> callers;
    std::array<std::string, threads> values;
    for (int each = 0; each < threads; ++each)
        callers.emplace_back([&, each] {
            values[static_cast<std::size_t>(each)] = client->read(std::to_string(each));
        });
    // Answers come last asked, first answered: each must wake the thread that it is for.
    std::vector<store_wire::message> asked;
    store_wire::decoder decoder;
    while (asked.size() < threads) {
        std::array<std::byte, 512> bytes;
        const ssize_t count = ::read(remote, bytes.data(), bytes.size());
        ASSERT_GT(count, 0);
        decoder.feed(std::span{bytes}.first(static_cast<std::size_t>(count)));
        error_code ec;
        while (auto request = decoder.next(ec))
            asked.push_back(*request);
    }
    for (auto request = asked.rbegin(); request != asked.rend(); ++request)
        send({message_type::read, request->request, 0,
              "value of " + request->payload.substr(0, request->payload.size() - 1)});
    for (auto& caller : callers)
        caller.join();
    for (int each = 0; each < threads; ++each)
        EXPECT_EQ(values[static_cast<std::size_t>(each)], "value of " + std::to_string(each));
}

TEST(StoreMovedFrom, SaysThatItIsNotConnected) {
    store nothing;
    error_code ec;
    nothing.read("a", ec);
    EXPECT_EQ(ec, errc::not_connected);
    const std::string path = "a";
    EXPECT_EQ(nothing.read_each({&path, 1})[0].ec, errc::not_connected);
    nothing.watch("a", ec);
    EXPECT_EQ(ec, errc::not_connected);
    EXPECT_FALSE(nothing.is_open());
}

} // namespace
} // namespace xenring
