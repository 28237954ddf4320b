// One client after another.
#include "raw_peer.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <thread>

namespace xenring::vchan::test {
namespace {

class accepting : public two_domains {
protected:
    options patient() {
        auto chosen = small();
        chosen.wait = options::forever;
        return chosen;
    }
};

TEST_F(accepting, ServesOneClientAfterAnotherOnFreshPages) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    std::string served;
    for (const char name : {'a', 'b', 'c'}) {
        stream ours{*server_here};
        acceptor.async_accept([&](error_code ec, stream accepted) {
            ASSERT_FALSE(ec) << ec.message();
            ours = std::move(accepted);
        });
        auto visitor = client();
        visitor.async_connect(server_domain, "test", patient(),
                              [](error_code ec) { EXPECT_FALSE(ec) << ec.message(); });
        run();
        ASSERT_TRUE(ours.is_open());
        EXPECT_EQ(ours.readable(), 0U) << "no bytes of the client before";
        send(visitor, std::string(1, name));
        send(visitor, "left unread"); // and left on a page that nobody uses again
        expect(ours, std::string(1, name));
        served += name;
    }
    EXPECT_EQ(served, "abc");
}

TEST_F(accepting, AClientThatCameAndWentIsAClient) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    stream ours{*server_here};
    acceptor.async_accept([&](error_code ec, stream accepted) {
        ASSERT_FALSE(ec) << ec.message();
        ours = std::move(accepted);
    });
    auto hasty = client();
    hasty.async_connect(server_domain, "test", patient(), [&](error_code ec) {
        ASSERT_FALSE(ec) << ec.message();
        send(hasty, "here and gone");
        hasty.close();
    });
    run();
    expect(ours, "here and gone");
    EXPECT_EQ(read_error(ours), asio::error::eof);
}

TEST_F(accepting, AClientThatSpoilsThePageBeforeItConnectsCostsOnlyItself) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    stream ours{*server_here};
    const auto accept_one = [&] {
        acceptor.async_accept([&](error_code ec, stream accepted) {
            ASSERT_FALSE(ec) << ec.message();
            ours = std::move(accepted);
        });
    };
    accept_one();
    while (!server_here->store().exists(acceptor.path() + "/event-channel"))
        io.run_one();
    {
        raw_client hostile{*client_program, client_here->store()};
        hostile.put<std::uint8_t>(cli_live, 3);
        hostile.notify();
        run();
        ASSERT_TRUE(ours.is_open());
        EXPECT_EQ(read_error(ours), errc::bad_live_byte);
    }
    ours.close();
    accept_one();
    auto visitor = client();
    visitor.async_connect(server_domain, "test", patient(),
                          [](error_code ec) { EXPECT_FALSE(ec) << ec.message(); });
    run();
    send(visitor, "next");
    expect(ours, "next");
}

TEST_F(accepting, BlockingAcceptGivesOutAClientThatSpoiledThePage) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    std::optional<raw_client> hostile;
    std::jthread spoiling{[&] {
        while (!server_here->store().exists(acceptor.path() + "/event-channel"))
            std::this_thread::yield();
        hostile.emplace(*client_program, client_here->store());
        hostile->put<std::uint8_t>(cli_live, 3);
        hostile->notify();
    }};
    error_code ec;
    auto ours = acceptor.accept(ec);
    spoiling.join();
    ASSERT_FALSE(ec) << ec.message();
    EXPECT_EQ(read_error(ours), errc::bad_live_byte);
}

TEST_F(accepting, TheNextAcceptWaitsForTheStreamBefore) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    stream first{*server_here};
    acceptor.async_accept([&](error_code ec, stream accepted) {
        ASSERT_FALSE(ec);
        first = std::move(accepted);
    });
    auto one = client(), two = client();
    one.async_connect(server_domain, "test", patient(), [](error_code ec) { EXPECT_FALSE(ec); });
    run();
    const auto keys = server_here->store().read(acceptor.path() + "/ring-ref");
    bool second = false;
    acceptor.async_accept([&](error_code ec, stream) {
        EXPECT_FALSE(ec);
        second = true;
    });
    two.async_connect(server_domain, "test", patient(), [](error_code ec) { EXPECT_FALSE(ec); });
    io.restart();
    io.run_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(second);
    EXPECT_EQ(server_here->store().read(acceptor.path() + "/ring-ref"), keys);
    first.close();
    run();
    EXPECT_TRUE(second);
}

TEST_F(accepting, CancelTakesTheAnnouncementBack) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    asio::cancellation_signal stop;
    error_code result;
    acceptor.async_accept(
        asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, stream) { result = ec; }));
    while (!server_here->store().exists(acceptor.path() + "/ring-ref"))
        io.run_one();
    stop.emit(asio::cancellation_type::all);
    run();
    EXPECT_EQ(result, asio::error::operation_aborted);
    EXPECT_FALSE(server_here->store().exists(acceptor.path() + "/ring-ref"));
    EXPECT_EQ(left_over(), 0U);
}

TEST_F(accepting, AfterACancelTheNextAcceptMayBeginAtOnce) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    error_code first;
    acceptor.async_accept([&](error_code ec, stream) { first = ec; });
    while (!server_here->store().exists(acceptor.path() + "/event-channel"))
        io.run_one();
    acceptor.cancel();
    bool accepted = false;
    acceptor.async_accept([&](error_code ec, stream) {
        EXPECT_FALSE(ec) << ec.message();
        accepted = true;
    });
    auto visitor = client();
    visitor.async_connect(server_domain, "test", patient(),
                          [](error_code ec) { EXPECT_FALSE(ec) << ec.message(); });
    run();
    EXPECT_EQ(first, asio::error::operation_aborted);
    EXPECT_TRUE(accepted);
}

TEST_F(accepting, DestroyingTheAcceptorEndsTheAccept) {
    error_code result;
    {
        acceptor acceptor{*server_here, client_domain, "test", small()};
        acceptor.async_accept([&](error_code ec, stream) { result = ec; });
        io.run_for(std::chrono::milliseconds{30});
    }
    run();
    EXPECT_EQ(result, asio::error::operation_aborted);
    EXPECT_EQ(left_over(), 0U);
}

TEST_F(accepting, AListeningServerLetsInADomainThatComesLater) {
    // The store forgets rights that were given to a domain before there was one (XSA-322).
    const domid newcomer{7};
    acceptor acceptor{*server_here, newcomer, "test", small()};
    bool accepted = false;
    acceptor.async_accept([&](error_code ec, stream) {
        EXPECT_FALSE(ec) << ec.message();
        accepted = true;
    });
    io.run_for(std::chrono::milliseconds{30});
    const auto program = machine.open(newcomer);
    const domain late{io.get_executor(), program};
    stream visitor{late};
    visitor.async_connect(server_domain, "test", patient(),
                          [](error_code ec) { EXPECT_FALSE(ec) << ec.message(); });
    run();
    EXPECT_TRUE(accepted);
}

TEST_F(accepting, BlockingAcceptServesAClientThatIsThere) {
    acceptor acceptor{*server_here, client_domain, "test", small()};
    auto visitor = client();
    std::jthread connecting{[&] { visitor.connect(server_domain, "test", patient()); }};
    auto ours = acceptor.accept();
    connecting.join();
    send(visitor, "hello");
    expect(ours, "hello");
    error_code ec;
    acceptor.accept(ec);
    EXPECT_EQ(ec, errc::channel_busy) << "the stream before is open";
}

} // namespace
} // namespace xenring::vchan::test
