#include "statistics_socket.hpp"

#include <xenring/grant/error.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

namespace xenring::tools {

namespace asio = boost::asio;
using protocol = asio::local::stream_protocol;

statistics_socket::statistics_socket(asio::io_context& io, std::string path,
                                     std::function<std::string()> text)
    : path_{std::move(path)}, text_{std::move(text)}, acceptor_{io, protocol{}} {
    error_code absent;
    protocol::socket probe{io};
    probe.connect({path_}, absent); // somebody serves it, or only its name is left
    if (absent == asio::error::connection_refused)
        unlink(path_.c_str());
    acceptor_.bind({path_});
    chmod(path_.c_str(), 0660);
    acceptor_.listen();
    accept();
}

statistics_socket::~statistics_socket() {
    unlink(path_.c_str());
}

void statistics_socket::accept() {
    acceptor_.async_accept([this](const error_code& ec, protocol::socket peer) {
        if (ec == asio::error::operation_aborted)
            return;
        if (!ec) {
            auto answer = std::make_shared<std::pair<protocol::socket, std::string>>(
                std::move(peer), text_());
            asio::async_write(answer->first, asio::buffer(answer->second),
                              [answer](const error_code&, std::size_t) {});
        }
        accept();
    });
}

void print_statistics(const std::string& path) {
    asio::io_context io;
    protocol::socket socket{io};
    error_code ec;
    socket.connect({path}, ec);
    throw_if(ec, "connect to " + path);
    std::string text;
    asio::read(socket, asio::dynamic_buffer(text), ec);
    if (ec != asio::error::eof)
        throw_if(ec, "read from " + path);
    std::fwrite(text.data(), 1, text.size(), stdout);
}

} // namespace xenring::tools
