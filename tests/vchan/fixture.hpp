// Two domains on a stand-in machine in this process, and streams between them.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/local.hpp>
#include <xenring/vchan/acceptor.hpp>
#include <xenring/vchan/path.hpp>
#include <xenring/vchan/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace xenring::vchan::test {

namespace asio = boost::asio;

inline constexpr domid server_domain{1};
inline constexpr domid client_domain{2};

/// Rings of 1 and 2 KiB in the page, and no spinning: every sleep is a sleep.
inline options small() {
    options chosen;
    chosen.left_size = chosen.right_size = 0;
    chosen.spin = std::chrono::microseconds{0};
    return chosen;
}

inline options sized(std::size_t left, std::size_t right) {
    auto chosen = small();
    chosen.left_size = left;
    chosen.right_size = right;
    return chosen;
}

/// Programs in the two domains; `leftovers` are looked for when the fixture goes.
class two_domains : public testing::Test {
protected:
    explicit two_domains(local::machine_options wanted = {}) : machine{std::move(wanted)} {
        machine.open(domid{0});
        start_server_program();
        start_client_program();
    }

    void start_server_program() {
        server_program = machine.open(server_domain);
        server_here.emplace(io.get_executor(), server_program);
    }
    void start_client_program() {
        client_program = machine.open(client_domain);
        client_here.emplace(io.get_executor(), client_program);
    }

    stream server() { return stream{*server_here}; }
    stream client() { return stream{*client_here}; }

    /// Both ends of a new channel.
    struct ends {
        stream server, client;
    };
    ends connected(const options& chosen = small(), std::string_view path = "test") {
        ends both{server(), client()};
        both.server.listen(client_domain, path, chosen);
        both.client.connect(server_domain, path, chosen);
        return both;
    }

    /// Runs handlers until there are none left to run.
    void run() {
        io.restart();
        io.run();
    }

    /// Pages, ports and watches that anybody holds.
    std::size_t left_over() const { return machine.statistics().left_over(); }

    local::machine machine;
    asio::io_context io;
    std::shared_ptr<hypervisor> server_program, client_program;
    std::optional<domain> server_here, client_here;
};

/// How often a test of a race repeats it: `usual`, or what the nightly run says in the environment.
inline int rounds(int usual) {
    const char* const wish = std::getenv("XENRING_TEST_ROUNDS");
    return wish ? std::atoi(wish) : usual;
}

inline void send(stream& to, std::string_view text) {
    asio::write(to, asio::buffer(text));
}

/// Reads exactly as many bytes as `text` has and compares.
inline void expect(stream& from, std::string_view text) {
    std::string got(text.size(), '\0');
    asio::read(from, asio::buffer(got));
    EXPECT_EQ(got, text);
}

/// The error that ends reading, once nothing is left to read.
inline error_code read_error(stream& from) {
    char byte;
    error_code ec;
    const auto count = from.read_some(asio::buffer(&byte, 1), ec);
    EXPECT_EQ(count, 0U) << "there was a byte left";
    return ec;
}

inline error_code write_error(stream& to) {
    error_code ec;
    to.write_some(asio::buffer("x", 1), ec);
    return ec;
}

} // namespace xenring::vchan::test
