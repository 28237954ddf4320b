// How streams end: closes in either order, deaths of processes and of domains.
#include "raw_peer.hpp"

#include <xenring/grant/blocking.hpp>
#include <xenring/grant/store_watch.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

namespace xenring::vchan::test {
namespace {

class ending : public two_domains {
protected:
    using two_domains::two_domains;

    /// The error that an asynchronous read ends with, once `happens` has happened under it. One
    /// that never ends is for the test's own time limit, here as everywhere below.
    template <class Happening>
    error_code end_of_waiting_read(stream& from, Happening happens) {
        char byte;
        std::optional<error_code> result;
        from.async_read_some(asio::buffer(&byte, 1),
                             [&](error_code ec, std::size_t) { result = ec; });
        io.restart();
        io.poll();
        EXPECT_FALSE(result) << "it did not wait";
        happens();
        run();
        return result.value_or(errc::timed_out);
    }

    /// The same for a blocking read. It waits already, or not yet, when it happens.
    template <class Happening>
    error_code end_of_blocking_read(stream& from, Happening happens) {
        std::jthread elsewhere{[&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{150});
            happens();
        }};
        return read_error(from);
    }

    /// Runs a waiting stream until it has the watch that it asks for; `before`: what was held then.
    void run_until_it_watches(std::size_t before) {
        while (left_over() == before)
            io.run_for(std::chrono::milliseconds{20});
        EXPECT_EQ(left_over(), before + 1) << "more than a watch";
    }

    /// Runs a waiting client's stream until it has looked why `node`, which it watches, changed.
    template <class Change>
    void run_until_it_looked(const std::string& node, Change change) {
        // What a look asks is asked on the blocking thread, one after another.
        auto later = client_here->store().watch(node);
        bool fired = false, looked = false;
        const auto await_event = [&] {
            fired = false;
            later.async_wait([&](error_code ec, const std::string&) {
                EXPECT_FALSE(ec) << ec.message();
                fired = true;
            });
            while (!fired)
                io.run_one();
        };
        await_event(); // each watch fires once at the start
        change();
        await_event();
        xenring::detail::run_blocking(
            io.get_executor(), [] {}, [&] { looked = true; });
        while (!looked)
            io.run_one();
    }
};

TEST_F(ending, WhatWasWrittenBeforeTheCloseIsReadWhoeverCloses) {
    for (const bool server_closes : {true, false}) {
        auto [server, client] = connected(sized(1 << 13, 1 << 13));
        auto& writer = server_closes ? server : client;
        auto& reader = server_closes ? client : server;
        send(writer, "last words");
        writer.close();
        expect(reader, "last words");
        EXPECT_EQ(read_error(reader), asio::error::eof);
        EXPECT_EQ(read_error(reader), asio::error::eof) << "an end is for ever";
        EXPECT_EQ(write_error(reader), errc::peer_closed);
    }
}

TEST_F(ending, DestructorClosesInOrder) {
    auto both = std::make_unique<ends>(connected());
    auto client = std::move(both->client);
    send(both->server, "bye");
    both.reset();
    expect(client, "bye");
    EXPECT_EQ(read_error(client), asio::error::eof);
}

TEST_F(ending, AWaitingReadSeesTheClose) {
    auto [server, client] = connected();
    EXPECT_EQ(end_of_waiting_read(client, [&] { server.close(); }), asio::error::eof);
}

TEST_F(ending, Case10ServersProcessDies) {
    auto [server, client] = connected();
    send(server, "half a sen");
    const auto kill = [&] { local::kill_process(*server_program); };
    expect(client, "half a sen");
    EXPECT_EQ(end_of_waiting_read(client, kill), errc::peer_process_died);
    EXPECT_EQ(write_error(client), errc::peer_process_died);
}

TEST_F(ending, Case10ClientsProcessDiesAndItsBytesArrive) {
    auto [server, client] = connected();
    send(client, "half a sen");
    local::kill_process(*client_program);
    expect(server, "half a sen");
    EXPECT_EQ(read_error(server), errc::peer_process_died);
}

TEST_F(ending, Case10PeerDiesWhileWeAreBlockedOnAFullRing) {
    auto [server, client] = connected();
    send(client, std::string(client.write_capacity(), 'x'));
    error_code result;
    client.async_write_some(asio::buffer("y", 1), [&](error_code ec, std::size_t) { result = ec; });
    io.poll();
    local::kill_process(*server_program);
    run();
    EXPECT_EQ(result, errc::peer_process_died);
}

TEST_F(ending, Case10ClientDiesBeforeItConnects) {
    auto listening = server();
    listening.listen(client_domain, "test", small());
    raw_client visitor{*client_program, client_here->store()};
    local::kill_process(*client_program);
    EXPECT_EQ(read_error(listening), asio::error::eof) << "nothing is known of it";
}

TEST_F(ending, Case12ServersDomainDiesWithoutAWord) {
    auto [server, client] = connected();
    const auto destroy = [&] { machine.destroy(server_domain); };
    EXPECT_EQ(end_of_waiting_read(client, destroy), errc::peer_domain_died);
}

TEST_F(ending, Case12ClientsDomainDiesWithoutAWord) {
    auto [server, client] = connected();
    const auto destroy = [&] { machine.destroy(client_domain); };
    EXPECT_EQ(end_of_waiting_read(server, destroy), errc::peer_domain_died);
}

TEST_F(ending, Case12DomainDeathIsNoticedWithAWatch) {
    for (const bool server_dies : {true, false}) {
        start_server_program();
        start_client_program();
        auto [server, client] = connected();
        const auto before = left_over();
        const auto destroy = [&] {
            run_until_it_watches(before);
            machine.destroy(server_dies ? server_domain : client_domain);
        };
        EXPECT_EQ(end_of_waiting_read(server_dies ? client : server, destroy),
                  errc::peer_domain_died);
    }
}

class refused_watches : public ending {
protected:
    refused_watches() : ending{with_no_watches()} {}

    static local::machine_options with_no_watches() {
        local::machine_options options;
        options.store.watches = 0; // as when the quota is used up
        return options;
    }
};

TEST_F(refused_watches, Case12DomainDeathIsNoticedWithoutAWatch) {
    for (const bool server_dies : {true, false}) {
        start_server_program();
        start_client_program();
        auto [server, client] = connected();
        const auto destroy = [&] {
            io.run_for(std::chrono::milliseconds{300}); // most likely it has been refused by then
            machine.destroy(server_dies ? server_domain : client_domain);
        };
        EXPECT_EQ(end_of_waiting_read(server_dies ? client : server, destroy),
                  errc::peer_domain_died);
    }
}

TEST_F(ending, Case10And12ABlockingReadEnds) {
    for (const bool server_dies : {true, false})
        for (const bool whole_domain : {false, true}) {
            start_server_program();
            start_client_program();
            auto [server, client] = connected();
            const auto die = [&] {
                if (whole_domain)
                    machine.destroy(server_dies ? server_domain : client_domain);
                else
                    local::kill_process(server_dies ? *server_program : *client_program);
            };
            EXPECT_EQ(end_of_blocking_read(server_dies ? client : server, die),
                      whole_domain ? errc::peer_domain_died : errc::peer_process_died);
        }
}

TEST_F(ending, Case12DomainDeathEndsABlockingReadAfterWhatItSent) {
    for (const bool server_dies : {true, false}) {
        start_server_program();
        start_client_program();
        auto [server, client] = connected();
        auto& left = server_dies ? client : server;
        send(server_dies ? server : client, "said before");
        machine.destroy(server_dies ? server_domain : client_domain);
        expect(left, "said before");
        EXPECT_EQ(read_error(left), errc::peer_domain_died);
        EXPECT_EQ(write_error(left), errc::peer_domain_died);
    }
}

TEST_F(ending, Case12TheControlDomainSeesItToo) {
    const auto control = machine.open(domid{0});
    const domain zero{io.get_executor(), control};
    stream listening{zero};
    listening.listen(client_domain, "test", small());
    auto guest = client();
    guest.connect(domid{0}, "test", small());
    const auto destroy = [&] { machine.destroy(client_domain); };
    EXPECT_EQ(end_of_waiting_read(listening, destroy), errc::peer_domain_died);
}

TEST_F(ending, KeysThatVanishAreNoDeath) {
    auto [server, client] = connected();
    const auto base = server.path();
    const auto before = left_over();
    char byte = 0;
    std::optional<error_code> result;
    client.async_read_some(asio::buffer(&byte, 1),
                           [&](error_code ec, std::size_t) { result = ec; });
    run_until_it_watches(before);
    run_until_it_looked(base + "/ring-ref", [&] { server_here->store().remove(base); });
    EXPECT_FALSE(result) << result->message();
    send(server, "k");
    run();
    ASSERT_TRUE(result);
    EXPECT_FALSE(*result) << result->message();
}

TEST_F(ending, AnAbortLooksLikeADeathOnceEverythingIsRead) {
    for (const bool server_aborts : {true, false}) {
        auto [server, client] = connected();
        auto& aborting = server_aborts ? server : client;
        auto& left = server_aborts ? client : server;
        send(aborting, "half a sen");
        aborting.abort();
        EXPECT_FALSE(aborting.is_open());
        expect(left, "half a sen");
        EXPECT_EQ(read_error(left), errc::peer_process_died);
        EXPECT_EQ(write_error(left), errc::peer_process_died);
        run();
        if (server_aborts) {
            EXPECT_FALSE(server_here->store().exists("data/vchan/2/test"));
        }
        aborting.abort(); // of what is closed already
    }
}

TEST_F(ending, AnAbortEndsWhatIsUnderWay) {
    auto [server, client] = connected();
    const auto abort = [&] { client.abort(); };
    EXPECT_EQ(end_of_waiting_read(client, abort), asio::error::operation_aborted);
    EXPECT_EQ(read_error(server), errc::peer_process_died);
}

TEST_F(ending, LibxenvchanServerThatClosesRemovesItsKeys) {
    raw_server old{*server_program, server_here->store(), {10, 11}};
    auto ours = client();
    ours.connect(server_domain, "test", small());
    EXPECT_EQ(end_of_waiting_read(ours, [&] { old.close(); }), asio::error::eof);
}

TEST_F(ending, LibxenvchanServerThatDiesDoesNot) {
    raw_server old{*server_program, server_here->store(), {10, 11}};
    auto ours = client();
    ours.connect(server_domain, "test", small());
    const auto kill = [&] { local::kill_process(*server_program); };
    EXPECT_EQ(end_of_waiting_read(ours, kill), errc::peer_process_died);
}

TEST_F(ending, LibxenvchanClientThatLeavesHasClosed) {
    auto listening = server();
    listening.listen(client_domain, "test", small());
    raw_client old{*client_program, client_here->store()};
    old.connect();
    old.write("bye");
    old.close();
    expect(listening, "bye");
    EXPECT_EQ(read_error(listening), asio::error::eof);
}

TEST_F(ending, Case11EventBeforeTheByteIsCleared) {
    raw_server old{*server_program, server_here->store(), {10, 11}};
    auto ours = client();
    ours.connect(server_domain, "test", small());
    const auto leave = [&] {
        io.run_for(std::chrono::milliseconds{700}); // past every look that comes without a reason
        old.notify();                               // Linux before 5.17: first the event ...
        io.run_for(std::chrono::milliseconds{5});
        old.put<std::uint8_t>(srv_live, 0); // ... then the byte, and nobody says so
    };
    EXPECT_EQ(end_of_waiting_read(ours, leave), errc::peer_process_died);
}

class old_kernel : public ending {
protected:
    old_kernel() : ending{} {
        local::machine_options late;
        late.order = local::unmap_notify_order::event_first;
        machine = local::machine{late};
        machine.open(domid{0});
        start_server_program();
        start_client_program();
    }
};

TEST_F(old_kernel, Case11DeathIsSeenToo) {
    auto [server, client] = connected();
    const auto kill = [&] { local::kill_process(*client_program); };
    EXPECT_EQ(end_of_waiting_read(server, kill), errc::peer_process_died);
}

TEST_F(ending, Case9NoByteIsLostInCloseRaces) {
    // Writer and reader race: write, close at once; the reader must see every byte, then eof.
    const int last = rounds(300);
    for (int round = 0; round != last; ++round) {
        auto [server, client] = connected();
        auto& writer = round % 2 ? server : client;
        auto& reader = round % 2 ? client : server;
        const std::string text(1 + static_cast<std::size_t>(round % 900), 'w');
        std::jthread writing{[&] {
            send(writer, text);
            writer.close();
        }};
        std::string got(text.size() + 1, ' ');
        error_code ec;
        const auto count = asio::read(reader, asio::buffer(got), ec);
        ASSERT_EQ(count, text.size()) << "round " << round;
        ASSERT_EQ(ec, asio::error::eof);
    }
}

TEST_F(ending, Case9WriteAndCloseBetweenTwoLooksLosesNothing) {
    // The peer writes and leaves in one breath while we look without sleeping: in many rounds it
    // does so between our look at the index and our look at its live byte.
    std::atomic<raw_client*> turn{nullptr};
    std::atomic<bool> over{false};
    std::jthread leaving{[&] {
        while (!over)
            if (auto* const peer = turn.load()) {
                peer->write("w");
                peer->put<std::uint8_t>(cli_live, 0);
                turn = nullptr;
            }
    }};
    int lost = 0;
    const int last = rounds(400);
    for (int round = 0; round != last; ++round) {
        auto listening = server();
        listening.listen(client_domain, "test", small());
        listening.non_blocking(true);
        raw_client peer{*client_program, client_here->store()};
        peer.connect();
        turn = &peer;
        char byte;
        error_code ec = asio::error::would_block;
        std::size_t count = 0;
        while (ec == asio::error::would_block)
            count = listening.read_some(asio::buffer(&byte, 1), ec);
        lost += count == 0;
        while (turn.load())
            std::this_thread::yield();
    }
    over = true;
    EXPECT_EQ(lost, 0);
}

} // namespace
} // namespace xenring::vchan::test
