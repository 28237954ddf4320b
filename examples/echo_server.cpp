// Echoes what each client sends, one client after another.
//
//     echo_server CLIENT_DOMID [CLIENTS]      serves for ever, or CLIENTS of them
#include <xenring/vchan/acceptor.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;
using asio::use_awaitable;

asio::awaitable<void> echo(xenring::vchan::stream peer) {
    std::array<char, 4096> bytes;
    xenring::error_code ec;
    while (!ec) {
        const auto count = co_await peer.async_read_some(asio::buffer(bytes),
                                                         asio::redirect_error(use_awaitable, ec));
        if (!ec)
            co_await asio::async_write(peer, asio::buffer(bytes, count),
                                       asio::redirect_error(use_awaitable, ec));
    }
    if (ec != asio::error::eof) // eof: the client closed, and everything was echoed
        std::cerr << "echo_server: " << ec.message() << '\n';
}

asio::awaitable<void> serve(xenring::domain here, xenring::domid client, long clients) {
    xenring::vchan::acceptor acceptor{here, client, "echo"};
    for (long served = 0; clients == 0 || served != clients; ++served)
        co_await echo(co_await acceptor.async_accept(use_awaitable));
}

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: echo_server CLIENT_DOMID [CLIENTS]\n";
        return 2;
    }
    try {
        asio::io_context io;
        const xenring::domain here{io.get_executor()}; // Xen, or the stand-in
        const xenring::domid client{static_cast<std::uint16_t>(std::atoi(argv[1]))};
        asio::co_spawn(io, serve(here, client, argc > 2 ? std::atol(argv[2]) : 0),
                       [](std::exception_ptr failure) {
                           if (failure)
                               std::rethrow_exception(failure);
                       });
        io.run();
    } catch (const std::exception& failure) {
        std::cerr << "echo_server: " << failure.what() << '\n';
        return 1;
    }
}
