// What waits for long wakes up for nothing, and still learns that its peer's domain is gone.
#include "fixture.hpp"

#include <xenring/vchan/peer_check.hpp>

#include <chrono>
#include <thread>

namespace xenring::vchan::test {
namespace {

using namespace std::chrono_literals;

/// Longer than the longest pause between two looks.
constexpr auto a_while = 2 * detail::unwatched_pause;

class quiet : public two_domains {
protected:
    /// A read that nothing comes for; its buffer and its result.
    struct long_read {
        explicit long_read(stream& from) {
            from.async_read_some(asio::buffer(&byte, 1),
                                 [this](error_code ec, std::size_t) { result = ec; });
        }
        char byte = 0;
        error_code result = errc::timed_out;
    };

    /// Whether there comes a while in which no handler runs.
    bool grows_quiet() {
        io.restart();
        for (int i = 0; i != 20; ++i)
            if (io.run_for(a_while) == 0)
                return true;
        return false;
    }

    /// Lets the client wait until it has done what it ever will, which its server relies on.
    void let_client_wait(stream& client) {
        {
            const long_read waiting{client};
            EXPECT_TRUE(grows_quiet());
            client.cancel();
            run();
        }
    }

    /// Blocks in a read for `time` until `happens`; the error of the read.
    template <class Happening>
    error_code blocked_for(std::chrono::milliseconds time, stream& from, Happening happens) {
        std::jthread elsewhere{[=] {
            std::this_thread::sleep_for(time);
            happens();
        }};
        return read_error(from);
    }
};

/// A blocked read may sleep this often: until the first look, until the watch has told that it is
/// there, until the end, and once each for two looks at a domain that is just going.
constexpr std::uint64_t few = 5;
/// As long as that: whoever looks at every pause sleeps twice as often.
constexpr auto long_time = 2 * few * detail::unwatched_pause;

TEST_F(quiet, ABlockedReadSleepsThroughAndLearnsOfTheEndOfThePeersDomain) {
    for (const bool server_dies : {true, false}) {
        start_server_program();
        start_client_program();
        auto [server, client] = connected();
        let_client_wait(client);
        auto& left = server_dies ? client : server;
        const auto before = left.stats().sleeps;
        const auto destroy = [&] { machine.destroy(server_dies ? server_domain : client_domain); };
        EXPECT_EQ(blocked_for(long_time, left, destroy), errc::peer_domain_died);
        EXPECT_LE(left.stats().sleeps - before, few) << (server_dies ? "client" : "server");
    }
}

TEST_F(quiet, ABlockedReadSleepsThroughAndSeesTheClose) {
    auto [server, client] = connected();
    const auto close = [&server = server] { server.close(); };
    EXPECT_EQ(blocked_for(long_time, client, close), asio::error::eof);
    EXPECT_LE(client.stats().sleeps, few);
}

TEST_F(quiet, AProcessThatDiesEndsABlockedReadByItsEvent) {
    auto [server, client] = connected();
    const auto kill = [&] { local::kill_process(*server_program); };
    EXPECT_EQ(blocked_for(2 * detail::first_look, client, kill), errc::peer_process_died);
    EXPECT_EQ(client.stats().wakeups, 1 + 1U); // binding had raised one
}

TEST_F(quiet, AsynchronousReadsRunNoHandlerMeanwhile) {
    auto [server, client] = connected();
    const long_read at_server{server}, at_client{client};
    EXPECT_TRUE(grows_quiet());
    machine.destroy(client_domain);
    io.restart();
    while (at_server.result == errc::timed_out)
        io.run_one();
    EXPECT_EQ(at_server.result, errc::peer_domain_died);
}

TEST_F(quiet, WithoutAWatchABlockedReadLooksNowAndThen) {
    auto [server, client] = connected();
    machine.store()->fail_nth(store_wire::message_type::watch, 1, "E2BIG");
    const auto destroy = [&] { machine.destroy(server_domain); };
    EXPECT_EQ(blocked_for(a_while, client, destroy), errc::peer_domain_died);
    EXPECT_EQ(client.stats().wakeups, 1U); // binding had raised one
}

TEST_F(quiet, AServerWhoseClientLeavesNoSignLooksNowAndThen) {
    auto [server, client] = connected(); // and the client never waits
    const auto destroy = [&] { machine.destroy(client_domain); };
    EXPECT_EQ(blocked_for(a_while, server, destroy), errc::peer_domain_died);
}

TEST_F(quiet, WithoutAStoreTheHypervisorIsAsked) {
    for (const bool server_dies : {true, false}) {
        start_server_program();
        start_client_program();
        auto [server, client] = connected();
        let_client_wait(client);
        auto& left = server_dies ? client : server;
        // Its connection ends, and only that.
        machine.store()->release(server_dies ? client_domain : server_domain);
        const auto destroy = [&] { machine.destroy(server_dies ? server_domain : client_domain); };
        EXPECT_EQ(blocked_for(a_while, left, destroy), errc::peer_domain_died);
        machine.destroy(server_dies ? client_domain : server_domain);
    }
}

TEST_F(quiet, ASynchronousWriteBesideAnAsynchronousReadLearnsOfIt) {
    auto [server, client] = connected();
    const long_read reading{client};
    EXPECT_TRUE(grows_quiet()); // the watch is waited for by the read
    send(client, std::string(client.write_capacity(), 'x'));
    std::jthread elsewhere{[&] {
        std::this_thread::sleep_for(a_while);
        machine.destroy(server_domain);
    }};
    EXPECT_EQ(write_error(client), errc::peer_domain_died);
    client.close();
    run();
}

TEST_F(quiet, TheSignIsForTheServersDomainOnlyAndGoesWithTheClient) {
    auto [server, client] = connected();
    let_client_wait(client);
    const auto port = server_here->store().read("data/vchan/2/test/event-channel");
    const auto sign = "/local/domain/2/data/vchan-peer-1-" + port;
    EXPECT_TRUE(server_here->store().exists(sign));
    const domain stranger{io.get_executor(), machine.open(domid{3})};
    error_code ec;
    stranger.store().exists(sign, ec);
    EXPECT_EQ(ec, errno_code(EACCES));
    client.close();
    EXPECT_FALSE(client_here->store().exists(sign));
}

} // namespace
} // namespace xenring::vchan::test
