// The data path: every way to read and write.
#include "fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <functional>
#include <numeric>

namespace xenring::vchan::test {
namespace {

using data = two_domains;

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i != size; ++i)
        bytes[i] = static_cast<char>((i * 2654435761U) >> 13);
    return bytes;
}

TEST_F(data, ScatterAndGather) {
    auto [server, client] = connected();
    const std::string a = "one", b, c = "three";
    const std::array gather{asio::buffer(a), asio::buffer(b), asio::buffer(c)};
    EXPECT_EQ(client.write_some(gather), 8U);
    std::string x(2, ' '), y(6, ' ');
    const std::array scatter{asio::buffer(x), asio::buffer(y)};
    EXPECT_EQ(server.read_some(scatter), 8U);
    EXPECT_EQ(x + y, "onethree");
}

TEST_F(data, MoreBuffersThanOneCallTakes) {
    auto [server, client] = connected();
    const std::string text = pattern(40);
    std::vector<asio::const_buffer> pieces;
    for (const char& byte : text)
        pieces.push_back(asio::buffer(&byte, 1));
    EXPECT_EQ(asio::write(client, pieces), 40U);
    expect(server, text);
}

TEST_F(data, Case7NothingToReadOrWriteIsNothing) {
    auto [server, client] = connected();
    error_code ec = errc::timed_out;
    EXPECT_EQ(client.write_some(asio::buffer("", 0), ec), 0U);
    EXPECT_FALSE(ec);
    EXPECT_EQ(client.read_some(asio::buffer(static_cast<char*>(nullptr), 0), ec), 0U);
    EXPECT_FALSE(ec);
}

TEST_F(data, NonBlockingGivesWouldBlock) {
    auto [server, client] = connected();
    client.non_blocking(true);
    EXPECT_EQ(read_error(client), asio::error::would_block);
    const auto full = pattern(1024);
    EXPECT_EQ(client.write_some(asio::buffer(full)), 1024U);
    EXPECT_EQ(write_error(client), asio::error::would_block);
}

TEST_F(data, Case5FullRingThenDrain) {
    auto [server, client] = connected();
    client.non_blocking(true);
    const auto full = pattern(client.write_capacity());
    EXPECT_EQ(client.write_some(asio::buffer(full + "x")), full.size());
    EXPECT_EQ(client.writable(), 0U);
    expect(server, full);
    EXPECT_EQ(client.writable(), full.size());
}

TEST_F(data, Case6WrapsAnywhere) {
    auto [server, client] = connected();
    const auto size = client.write_capacity();
    send(client, pattern(size - 2));
    expect(server, pattern(size - 2));
    send(client, pattern(size));
    expect(server, pattern(size));
    for (std::size_t length = 1; length < 300; length += 7) {
        send(client, pattern(length));
        expect(server, pattern(length));
    }
}

TEST_F(data, SpansWriteAndReadInPlace) {
    auto [server, client] = connected();
    error_code ec;
    auto space = client.prepare(100, ec);
    ASSERT_FALSE(ec);
    ASSERT_EQ(space.size(), 100U);
    std::fill(space.first.begin(), space.first.end(), std::byte{7});
    client.commit(60);
    const auto arrived = server.data(ec);
    ASSERT_FALSE(ec);
    ASSERT_EQ(arrived.size(), 60U);
    EXPECT_EQ(arrived.first[59], std::byte{7});
    server.consume(60);
    EXPECT_TRUE(server.data(ec).empty());
    EXPECT_EQ(ec, asio::error::would_block);
    EXPECT_EQ(client.prepare(5000, ec).size(), 1024U);
    client.commit(1024);
    EXPECT_TRUE(client.prepare(1, ec).empty());
    EXPECT_EQ(ec, asio::error::would_block);
}

TEST_F(data, WaitsForSpaceAndBytesWithSpans) {
    auto [server, client] = connected();
    error_code ec;
    client.commit(client.prepare(1024, ec).size());
    std::string order;
    client.async_wait(wait_type::write, [&](error_code result) {
        EXPECT_FALSE(result);
        order += 'w';
    });
    client.async_wait(wait_type::read, [&](error_code result) {
        EXPECT_FALSE(result);
        order += 'r';
    });
    io.poll();
    EXPECT_EQ(order, "");
    server.consume(server.data(ec).size());
    io.run_one();
    while (order.empty())
        io.run_one();
    EXPECT_EQ(order, "w");
    send(server, "x");
    run();
    EXPECT_EQ(order, "wr");
}

TEST_F(data, DrainWaitsForTheLastByte) {
    auto [server, client] = connected();
    send(client, "abc");
    bool drained = false;
    client.async_drain([&](error_code ec) {
        EXPECT_FALSE(ec);
        drained = true;
    });
    io.poll();
    EXPECT_FALSE(drained);
    expect(server, "ab");
    io.poll();
    EXPECT_FALSE(drained);
    expect(server, "c");
    run();
    EXPECT_TRUE(drained);
}

TEST_F(data, DrainFailsWhenThePeerLeavesBytesBehind) {
    auto [server, client] = connected();
    send(client, "abc");
    server.close();
    error_code ec;
    client.drain(ec);
    EXPECT_EQ(ec, errc::peer_closed);
}

TEST_F(data, HandlersNeverRunWithinTheCall) {
    auto [server, client] = connected();
    send(client, "x");
    char byte;
    bool called = false;
    server.async_read_some(asio::buffer(&byte, 1), [&](error_code ec, std::size_t count) {
        EXPECT_FALSE(ec);
        EXPECT_EQ(count, 1U);
        called = true;
    });
    EXPECT_FALSE(called);
    run();
    EXPECT_TRUE(called);
}

TEST_F(data, ASecondReadIsRefusedWhileOneWaits) {
    auto [server, client] = connected();
    char first, second;
    error_code refused;
    server.async_read_some(asio::buffer(&first, 1), [](error_code ec, std::size_t) {
        EXPECT_EQ(ec, asio::error::operation_aborted);
    });
    server.async_read_some(asio::buffer(&second, 1),
                           [&](error_code ec, std::size_t) { refused = ec; });
    io.poll();
    EXPECT_EQ(refused, asio::error::already_started);
    server.cancel();
    run();
}

TEST_F(data, EachOperationCanBeCancelledAndNothingIsLost) {
    auto [server, client] = connected();
    char byte = 0;
    asio::cancellation_signal stop;
    error_code result;
    for (int round = 0; round != 3; ++round) {
        server.async_read_some(asio::buffer(&byte, 1),
                               asio::bind_cancellation_slot(
                                   stop.slot(), [&](error_code ec, std::size_t) { result = ec; }));
        io.restart();
        io.poll();
        stop.emit(asio::cancellation_type::total);
        run();
        EXPECT_EQ(result, asio::error::operation_aborted);
    }
    send(client, "y");
    expect(server, "y");
}

TEST_F(data, AnIdleStreamLetsTheContextEnd) {
    auto [server, client] = connected();
    send(client, "z");
    char byte;
    server.async_read_some(asio::buffer(&byte, 1), [](error_code, std::size_t) {});
    run();
    SUCCEED();
}

TEST_F(data, AnIdleReaderWakesUpForNothingOnceItWatches) {
    auto [server, client] = connected();
    char byte;
    client.async_read_some(asio::buffer(&byte, 1), [](error_code, std::size_t) {});
    io.run_for(std::chrono::milliseconds{700}); // begins to watch in this time
    EXPECT_EQ(io.run_for(std::chrono::milliseconds{700}), 0U) << "handlers that nobody caused";
    client.cancel();
    run();
}

TEST_F(data, AContextMayEndUnderAWaitingCoroutine) {
    asio::io_context brief;
    const auto other = machine.open(domid{3});
    const domain third{brief.get_executor(), other};
    auto listening = server();
    listening.listen(domid{3}, "test", small());
    asio::co_spawn(
        brief,
        [third]() -> asio::awaitable<void> {
            stream waiting{third};
            co_await waiting.async_connect(server_domain, "test", small(), asio::use_awaitable);
            char byte;
            co_await waiting.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
            ADD_FAILURE() << "nobody wrote";
        },
        asio::detached);
    brief.run_for(std::chrono::milliseconds{50});
}

asio::awaitable<void> echo(stream& peer) {
    std::array<char, 700> bytes;
    for (;;) {
        error_code ec;
        const auto count = co_await peer.async_read_some(
            asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::eof)
            co_return;
        if (ec)
            throw boost::system::system_error{ec};
        co_await asio::async_write(peer, asio::buffer(bytes, count), asio::use_awaitable);
    }
}

TEST_F(data, CoroutinesEcho) {
    auto [server, client] = connected();
    const auto text = pattern(200'000);
    std::string back(text.size(), '\0');
    asio::co_spawn(io, echo(server), [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            co_await asio::async_write(client, asio::buffer(text), asio::use_awaitable);
        },
        asio::detached);
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            co_await asio::async_read(client, asio::buffer(back), asio::use_awaitable);
            client.close();
        },
        asio::detached);
    run();
    EXPECT_EQ(back, text);
}

/// Whether a read that has its byte already calls its handler from within the call that starts it,
/// where `bound` gives the handler its executor.
template <class Bind>
void expect_called_later(stream& client, stream& server, asio::io_context& io, Bind bound) {
    char byte = 0;
    bool started = false, called = false;
    client.write_some(asio::buffer("x", 1));
    asio::post(io, [&] { // a thread that runs the context could run the handler at once
        server.async_read_some(asio::buffer(&byte, 1), bound([&](error_code ec, std::size_t) {
                                   EXPECT_TRUE(started);
                                   EXPECT_FALSE(ec);
                                   called = true;
                               }));
        started = true;
    });
    io.restart();
    io.run();
    EXPECT_TRUE(called);
}

TEST_F(data, AHandlerIsNeverCalledFromWithinTheCallThatStartsIt) {
    auto [server, client] = connected();
    expect_called_later(client, server, io, [](auto handler) { return handler; });
    expect_called_later(client, server, io, [this](auto handler) {
        return asio::bind_executor(asio::any_io_executor{io.get_executor()}, handler);
    });
    const auto strand = asio::make_strand(io);
    expect_called_later(client, server, io,
                        [&](auto handler) { return asio::bind_executor(strand, handler); });
}

TEST_F(data, AHandlerMayStartTheNextOperationForEver) {
    auto [server, client] = connected();
    std::size_t left = 1'000'000; // each upon the last one would be more than a stack holds
    char byte = 0;
    std::function<void()> pass_on = [&] {
        if (left-- == 0)
            return;
        client.async_write_some(asio::buffer(&byte, 1), [&](error_code, std::size_t) {
            server.async_read_some(asio::buffer(&byte, 1),
                                   [&](error_code, std::size_t) { pass_on(); });
        });
    };
    asio::post(io, pass_on);
    run();
    EXPECT_EQ(left, std::size_t(-1));
}

} // namespace
} // namespace xenring::vchan::test
