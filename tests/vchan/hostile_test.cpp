// Peers that break the rules, and calls that fail: a named error, nothing that hangs, nothing left.
#include "raw_peer.hpp"

#include <algorithm>
#include <array>
#include <random>

namespace xenring::vchan::test {
namespace {

class hostile : public two_domains {
protected:
    raw_server bad_server() { return {*server_program, server_here->store(), {10, 11}}; }
    stream ours() {
        auto stream = client();
        stream.connect(server_domain, "test", small());
        return stream;
    }
};

TEST_F(hostile, Case13ImpossibleProducerIndex) {
    auto peer = bad_server();
    auto victim = ours();
    peer.put<std::uint32_t>(right_prod, 2049);
    EXPECT_EQ(read_error(victim), errc::ring_corrupt);
    EXPECT_EQ(write_error(victim), errc::ring_corrupt) << "the whole stream has ended";
    peer.put<std::uint32_t>(right_prod, 1);
    EXPECT_EQ(read_error(victim), errc::ring_corrupt) << "for ever";
}

TEST_F(hostile, Case13ImpossibleConsumerIndex) {
    auto peer = bad_server();
    auto victim = ours();
    send(victim, std::string(1024, 'x'));
    peer.put<std::uint32_t>(left_cons, 5000);
    EXPECT_EQ(write_error(victim), errc::ring_corrupt);
    error_code ec;
    victim.drain(ec);
    EXPECT_EQ(ec, errc::ring_corrupt);
}

TEST_F(hostile, Case13OurOwnIndexIsNotReadBack) {
    auto peer = bad_server();
    auto victim = ours();
    send(victim, "abc");
    peer.put<std::uint32_t>(left_prod, 77);
    peer.put<std::uint32_t>(right_cons, 99);
    send(victim, "def");
    EXPECT_EQ(peer.get<std::uint32_t>(left_prod), 6U);
    EXPECT_EQ(std::memcmp(peer.page().data() + 1024, "abcdef", 6), 0);
}

TEST_F(hostile, Case13OrdersChangedAfterConnectingMeanNothing) {
    auto peer = bad_server();
    auto victim = ours();
    peer.put<std::uint16_t>(left_order, 20);
    peer.put<std::uint16_t>(right_order, 20);
    EXPECT_EQ(victim.write_capacity(), 1024U);
    send(victim, std::string(1024, 'x'));
    victim.non_blocking(true);
    EXPECT_EQ(write_error(victim), asio::error::would_block);
}

TEST_F(hostile, Case13LiveBytesOutOfRange) {
    for (const unsigned value : {2U, 3U, 255U}) {
        auto peer = bad_server();
        auto victim = ours();
        peer.put(srv_live, static_cast<std::uint8_t>(value));
        EXPECT_EQ(read_error(victim), errc::bad_live_byte) << value;
        EXPECT_EQ(write_error(victim), errc::bad_live_byte) << value;
    }
    auto listening = server();
    listening.listen(client_domain, "test", small());
    raw_client peer{*client_program, client_here->store()};
    peer.put<std::uint8_t>(cli_live, 3);
    EXPECT_EQ(read_error(listening), errc::bad_live_byte);
}

TEST_F(hostile, Case13BadAtConnect) {
    auto peer = bad_server();
    auto visitor = client();
    error_code ec;
    peer.put<std::uint8_t>(srv_live, 9);
    visitor.connect(server_domain, "test", small(), ec);
    EXPECT_EQ(ec, errc::bad_live_byte);
    peer.put<std::uint8_t>(srv_live, 1);
    peer.put<std::uint32_t>(right_prod, 99999);
    visitor.connect(server_domain, "test", small(), ec);
    EXPECT_EQ(ec, errc::ring_corrupt);
    std::memset(peer.page().data(), 0, peer.page().size());
    visitor.connect(server_domain, "test", small(), ec);
    EXPECT_EQ(ec, errc::bad_geometry) << "a page that nobody has filled";
}

TEST_F(hostile, Case13WaitingOperationsSeeTheFaultToo) {
    auto peer = bad_server();
    auto victim = ours();
    char byte;
    error_code result;
    victim.async_read_some(asio::buffer(&byte, 1),
                           [&](error_code ec, std::size_t) { result = ec; });
    io.poll();
    peer.put<std::uint32_t>(right_prod, 0x80000000U);
    peer.notify();
    run();
    EXPECT_EQ(result, errc::ring_corrupt);
}

/// Writes over any byte of a control page; half of the time in its fixed part, where bytes mean
/// most, and half of the time something that means anything there.
class scribbler {
public:
    void scribble(raw_peer& peer, std::size_t extent = 4096) {
        static constexpr std::uint8_t likely[] = {0, 1, 2, 3, 10, 11, 12, 20, 0x80, 0xff};
        const std::size_t offset = random(random(2) ? 24 : extent);
        auto value = static_cast<std::uint8_t>(random(256));
        if (random(2))
            value = likely[random(std::size(likely))];
        peer.put(offset, value);
        ++touched[offset];
    }
    std::size_t random(std::size_t below) { return random_() % below; }

    std::array<unsigned, 4096> touched{};

private:
    std::mt19937 random_{20260101};
};

/// What a peer that writes nonsense may make of a stream.
bool is_named(error_code ec) {
    return !ec || ec == asio::error::would_block || ec == asio::error::eof ||
           ec == condition::peer_gone || ec == condition::peer_misbehaved;
}

/// Every call of a stream, with errors looked at.
void use(stream& victim, scribbler& chance) {
    error_code ec;
    std::string bytes(chance.random(3000), 'b');
    EXPECT_LE(victim.write_some(asio::buffer(bytes), ec), bytes.size());
    EXPECT_TRUE(is_named(ec)) << ec.message();
    EXPECT_LE(victim.read_some(asio::buffer(bytes), ec), bytes.size());
    EXPECT_TRUE(is_named(ec)) << ec.message();
    EXPECT_LE(victim.readable(), victim.read_capacity());
    EXPECT_LE(victim.prepare(100, ec).size(), 100U);
    EXPECT_TRUE(is_named(ec)) << ec.message();
    victim.drain(ec);
    EXPECT_TRUE(is_named(ec)) << ec.message();
}

TEST_F(hostile, Case13ServerThatScribblesOverTheWholePage) {
    auto peer = bad_server();
    const std::vector<std::byte> fresh(peer.page().begin(), peer.page().end());
    scribbler chance;
    for (int round = 0; round != 3000; ++round) {
        std::copy(fresh.begin(), fresh.end(), peer.page().begin());
        auto victim = client();
        error_code ec;
        victim.connect(server_domain, "test", small(), ec);
        ASSERT_FALSE(ec) << ec.message();
        victim.non_blocking(true);
        for (int step = 0; step != 8; ++step) {
            for (std::size_t count = chance.random(8) + 1; count > 0; --count)
                chance.scribble(peer);
            use(victim, chance);
        }
    }
    EXPECT_EQ(std::count(chance.touched.begin(), chance.touched.end(), 0U), 0) << "whole page";
}

TEST_F(hostile, Case13ClientThatScribblesOverTheWholePage) {
    scribbler chance;
    for (int round = 0; round != 1000; ++round) {
        auto victim = server();
        victim.listen(client_domain, "test", sized(1024, 1 << 14)); // references in the page, too
        raw_client peer{*client_program, client_here->store()};
        peer.connect();
        victim.non_blocking(true);
        for (int step = 0; step != 8; ++step) {
            for (std::size_t count = chance.random(24) + 1; count > 0; --count)
                chance.scribble(peer);
            use(victim, chance);
        }
    }
    EXPECT_EQ(std::count(chance.touched.begin(), chance.touched.end(), 0U), 0) << "whole page";
}

TEST_F(hostile, Case13AnyPageAtConnectIsAnErrorOrAStream) {
    raw_server peer{*server_program, server_here->store(), {11, 13}};
    const std::vector<std::byte> fresh(peer.page().begin(), peer.page().end());
    const auto before = left_over();
    scribbler chance;
    int connected = 0, refused = 0;
    for (int round = 0; round != 3000; ++round) {
        std::copy(fresh.begin(), fresh.end(), peer.page().begin());
        for (std::size_t count = chance.random(12); count > 0; --count)
            chance.scribble(peer, 36); // fixed part, both references, and what would be a third
        auto visitor = client();
        error_code ec;
        visitor.connect(server_domain, "test", small(), ec);
        if (!ec) {
            ++connected;
            visitor.non_blocking(true);
            use(visitor, chance);
            continue;
        }
        ++refused;
        EXPECT_FALSE(visitor.is_open());
        EXPECT_EQ(left_over(), before);
        const bool bad_reference = ec.category() == grant_status_category();
        EXPECT_TRUE(is_named(ec) || bad_reference || ec == errc::server_keys_missing ||
                    ec == errc::channel_busy)
            << ec.message();
    }
    EXPECT_GT(connected, 100);
    EXPECT_GT(refused, 100);
}

TEST_F(hostile, AClientThatUsesUpAPageIsNotServedOnItAgain) {
    auto listening = server();
    listening.listen(client_domain, "test", small());
    {
        auto first = client();
        first.connect(server_domain, "test", small());
    }
    auto second = client();
    error_code ec;
    second.connect(server_domain, "test", small(), ec);
    EXPECT_EQ(ec, errc::channel_busy) << "ours serves one client a page";
}

/// Fails the Nth call of each kind for N = 1, 2, ... until nothing fails any more.
TEST_F(hostile, EveryCallOfListenMayFailAndNothingIsLeft) {
    using local::call;
    const auto before = left_over();
    for (const auto what : {call::share, call::open_event_channel, call::bind_unbound}) {
        for (unsigned nth = 1;; ++nth) {
            ASSERT_LT(nth, 20U);
            machine.faults().fail(what, nth, errno_code(ENOMEM));
            auto ours = server();
            error_code ec;
            ours.listen(client_domain, "test", sized(1 << 14, 1 << 14), ec);
            machine.faults().clear();
            if (!ec)
                break;
            EXPECT_EQ(ec, errno_code(ENOMEM));
            EXPECT_FALSE(ours.is_open());
            EXPECT_FALSE(server_here->store().exists("/local/domain/1/data/vchan/2/test/ring-ref"));
            EXPECT_EQ(left_over(), before);
        }
    }
}

TEST_F(hostile, EveryCallOfConnectMayFailAndNothingIsLeft) {
    using local::call;
    for (const auto what : {call::map, call::open_event_channel, call::bind_interdomain}) {
        for (unsigned nth = 1;; ++nth) {
            ASSERT_LT(nth, 20U);
            auto listening = server();
            listening.listen(client_domain, "test", sized(1 << 14, 1 << 14));
            const auto before = left_over();
            machine.faults().fail(what, nth, errno_code(ENOMEM));
            auto ours = client();
            error_code ec;
            ours.connect(server_domain, "test", small(), ec);
            machine.faults().clear();
            if (!ec)
                break;
            EXPECT_EQ(ec, errno_code(ENOMEM));
            EXPECT_FALSE(ours.is_open());
            EXPECT_EQ(left_over(), before);
        }
    }
}

TEST_F(hostile, EveryStoreRequestOfOpeningMayFailAndNothingIsLeft) {
    using store_wire::message_type;
    const auto before = left_over();
    for (const auto what : {message_type::transaction_start, message_type::write,
                            message_type::set_permissions, message_type::transaction_end}) {
        for (unsigned nth = 1; nth != 3; ++nth) {
            machine.store()->fail_nth(what, nth, "ENOSPC");
            auto ours = server();
            error_code ec;
            ours.listen(client_domain, "test", small(), ec);
            machine.store()->fail_nth(what, 1'000'000, "EIO"); // far away
            ours.close();
            EXPECT_EQ(left_over(), before);
            EXPECT_FALSE(server_here->store().exists("/local/domain/1/data/vchan/2/test/ring-ref"));
        }
    }
}

} // namespace
} // namespace xenring::vchan::test
