// Sends a line to an echo server in another domain and prints what comes back.
//
//     echo_client SERVER_DOMID TEXT
#include <xenring/vchan/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using asio::use_awaitable;

asio::awaitable<void> talk(xenring::domain here, xenring::domid server, std::string text) {
    xenring::vchan::options patient;
    patient.wait = std::chrono::seconds{10}; // the server may not be there yet
    xenring::vchan::stream peer{here};
    co_await peer.async_connect(server, "echo", patient, use_awaitable);

    co_await asio::async_write(peer, asio::buffer(text), use_awaitable);
    std::string echoed(text.size(), '\0');
    co_await asio::async_read(peer, asio::buffer(echoed), use_awaitable);
    std::cout << "echoed: " << echoed << '\n';
}

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: echo_client SERVER_DOMID TEXT\n";
        return 2;
    }
    try {
        asio::io_context io;
        const xenring::domain here{io.get_executor()}; // Xen, or the stand-in
        const xenring::domid server{static_cast<std::uint16_t>(std::atoi(argv[1]))};
        asio::co_spawn(io, talk(here, server, argv[2]), [](std::exception_ptr failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
        io.run();
    } catch (const std::exception& failure) {
        std::cerr << "echo_client: " << failure.what() << '\n';
        return 1;
    }
}
