// Many bytes, both ways at once, between threads that sleep and wake each other.
#include "fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace xenring::vchan::test {
namespace {

/// Bytes that follow from a seed, with a digest of what was produced or seen.
class flow {
public:
    explicit flow(std::uint64_t seed) : state_{seed} {}

    void produce(std::span<char> out) {
        for (char& byte : out)
            byte = next();
    }
    bool continues_with(std::span<const char> in) {
        return std::all_of(in.begin(), in.end(), [this](char byte) { return byte == next(); });
    }
    std::uint64_t random() {
        lengths_ = lengths_ * 6364136223846793005U + 1442695040888963407U;
        return lengths_ >> 33;
    }

private:
    char next() {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<char>(state_ >> 56);
    }
    std::uint64_t state_;
    std::uint64_t lengths_ = 99;
};

class bulk : public two_domains, public testing::WithParamInterface<std::size_t> {
protected:
    static constexpr std::size_t total = 8 << 20;

    static void pour(stream& to, std::uint64_t seed) {
        flow bytes{seed};
        std::vector<char> chunk(20'000);
        for (std::size_t done = 0; done != total;) {
            const auto length =
                std::min<std::size_t>(1 + bytes.random() % chunk.size(), total - done);
            bytes.produce(std::span{chunk}.first(length));
            asio::write(to, asio::buffer(chunk.data(), length));
            done += length;
        }
    }

    static void check(stream& from, std::uint64_t seed) {
        flow bytes{seed}, lengths{seed + 1};
        std::vector<char> chunk(20'000);
        for (std::size_t done = 0; done != total;) {
            const auto want = 1 + lengths.random() % chunk.size();
            const auto count = from.read_some(asio::buffer(chunk.data(), want));
            ASSERT_TRUE(bytes.continues_with(std::span{chunk}.first(count))) << "after " << done;
            done += count;
        }
    }
};

TEST_P(bulk, Case4EveryByteArrivesOneWayAndTheOther) {
    auto chosen = sized(GetParam(), GetParam());
    chosen.spin = std::chrono::microseconds{GetParam() % 3 == 0 ? 20 : 0};
    auto both = connected(chosen);
    for (const bool down : {true, false}) {
        auto& writer = down ? both.server : both.client;
        auto& reader = down ? both.client : both.server;
        std::jthread writing{[&] { pour(writer, 7); }};
        check(reader, 7);
    }
    for (const auto* end : {&both.server, &both.client}) {
        EXPECT_EQ(end->stats().bytes_read, total);
        EXPECT_EQ(end->stats().bytes_written, total);
        EXPECT_EQ(end->stats().unannounced, 0U) << "a wake-up was lost";
    }
}

INSTANTIATE_TEST_SUITE_P(sizes, bulk, testing::Values(0, 2048, 4096, 65536, 1 << 20));

/// The same random bytes again and again. Their number is prime: what is lost, doubled or out of
/// order by any multiple of a ring's size does not compare equal. A comparison, not a digest, so
/// that the test costs little more than the two copies that the stream makes.
class repeated {
public:
    explicit repeated(std::uint64_t seed) : bytes_(1'000'003) { flow{seed}.produce(bytes_); }
    /// What comes next, at most `want` bytes.
    std::span<const char> next(std::size_t want) {
        const auto offset = at_ % bytes_.size();
        return std::span{bytes_}.subspan(offset, std::min(want, bytes_.size() - offset));
    }
    void advance(std::size_t count) { at_ += count; }
    bool continues_with(std::span<const char> in) {
        while (!in.empty()) {
            const auto piece = next(in.size());
            if (!std::equal(piece.begin(), piece.end(), in.begin()))
                return false;
            advance(piece.size());
            in = in.subspan(piece.size());
        }
        return true;
    }
    std::uint64_t count() const { return at_; }

private:
    std::vector<char> bytes_;
    std::uint64_t at_ = 0;
};

/// A GiB where the compiler optimises and no sanitizer watches.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t very_many = std::uint64_t{1} << 30;
#else
inline constexpr std::uint64_t very_many = std::uint64_t{1} << 24;
#endif

/// Both directions of one end, on its executor: pieces of random length.
struct both_directions {
    both_directions(stream& which, std::uint64_t sent_seed, std::uint64_t received_seed)
        : end{which}, sent{sent_seed}, received{received_seed}, lengths{sent_seed}, room(1 << 18) {
        write();
        read();
    }
    std::size_t length() { return 1 + lengths.random() % room.size(); }

    void write() {
        if (sent.count() == very_many || !good)
            return;
        const auto piece = sent.next(std::min<std::uint64_t>(length(), very_many - sent.count()));
        end.async_write_some(asio::buffer(piece.data(), piece.size()),
                             [this](error_code ec, std::size_t count) {
                                 good = good && !ec;
                                 sent.advance(count);
                                 write();
                             });
    }
    void read() {
        if (received.count() == very_many || !good)
            return;
        end.async_read_some(
            asio::buffer(room.data(), length()), [this](error_code ec, std::size_t count) {
                good = good && !ec && received.continues_with(std::span{room}.first(count));
                read();
            });
    }

    stream& end;
    repeated sent, received;
    flow lengths;
    std::vector<char> room;
    bool good = true;
};

TEST_F(bulk, Case4AGibibyteEachWayAtOnce) {
    auto both = connected(sized(1 << 20, 1 << 16));
    both_directions server{both.server, 1, 2}, client{both.client, 2, 1};
    run();
    EXPECT_TRUE(server.good && client.good)
        << "after " << server.received.count() << " and " << client.received.count() << " bytes";
    EXPECT_EQ(server.received.count(), very_many);
    EXPECT_EQ(client.received.count(), very_many);
}

TEST_F(bulk, PingPongLosesNoWakeUp) {
    // Both ends sleep after each byte: a look that is forgotten between asking for an event and
    // sleeping leaves both asleep until a timer finds out.
    auto both = connected();
    constexpr int rounds = 20'000;
    std::jthread answering{[&] {
        char byte;
        for (int i = 0; i != rounds; ++i) {
            asio::read(both.server, asio::buffer(&byte, 1));
            asio::write(both.server, asio::buffer(&byte, 1));
        }
    }};
    char byte = 'p';
    for (int i = 0; i != rounds; ++i) {
        asio::write(both.client, asio::buffer(&byte, 1));
        asio::read(both.client, asio::buffer(&byte, 1));
    }
    answering.join();
    for (const auto* end : {&both.server, &both.client})
        EXPECT_EQ(end->stats().unannounced, 0U);
}

TEST_F(bulk, Case4BothWaysAtOnce) {
    auto both = connected(sized(1 << 14, 1 << 12));
    flow up{1}, down{2}, seen_up{1}, seen_down{2};
    struct half {
        stream& end;
        flow& out;
        flow& in;
        std::vector<char> written = std::vector<char>(5000), read = std::vector<char>(7000);
        std::size_t sent = 0, received = 0;
        bool good = true;

        void write() {
            if (sent == total)
                return;
            const auto length = std::min(written.size(), total - sent);
            out.produce(std::span{written}.first(length));
            asio::async_write(end, asio::buffer(written.data(), length),
                              [this](error_code ec, std::size_t count) {
                                  good = good && !ec;
                                  sent += count;
                                  if (good)
                                      write();
                              });
        }
        void receive() {
            if (received == total)
                return;
            end.async_read_some(asio::buffer(read), [this](error_code ec, std::size_t count) {
                good = good && !ec && in.continues_with(std::span{read}.first(count));
                received += count;
                if (good)
                    receive();
            });
        }
    };
    half server{both.server, down, seen_up}, client{both.client, up, seen_down};
    for (auto* each : {&server, &client}) {
        each->write();
        each->receive();
    }
    run();
    EXPECT_TRUE(server.good && client.good);
    EXPECT_EQ(server.received, total);
    EXPECT_EQ(client.received, total);
}

} // namespace
} // namespace xenring::vchan::test
