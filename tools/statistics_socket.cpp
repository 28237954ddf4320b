#include "common.hpp"
#include "statistics_socket.hpp"

#include <xenring/backend/vif_statistics.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <utility>

namespace xenring::tools {

namespace asio = boost::asio;
using protocol = asio::local::stream_protocol;

statistics_socket::statistics_socket(asio::io_context& io, std::string path,
                                     std::function<std::string()> text)
    : path_{std::move(path)}, text_{std::move(text)}, acceptor_{io, protocol{}}, pause_{io} {
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
        if (ec)
            return accept_later(ec);
        complained_ = false;
        auto answer =
            std::make_shared<std::pair<protocol::socket, std::string>>(std::move(peer), text_());
        asio::async_write(answer->first, asio::buffer(answer->second),
                          [answer](const error_code&, std::size_t) {});
        accept();
    });
}

/// Who waits to be accepted goes on waiting, so a lack of descriptors would be found again at once.
void statistics_socket::accept_later(const error_code& why) {
    if (!std::exchange(complained_, true))
        complain("cannot answer at " + path_ + " for now: " + why.message());
    pause_.expires_after(std::chrono::seconds{1});
    pause_.async_wait([this](const error_code& ec) {
        if (!ec)
            accept();
    });
}

void print_statistics(const std::string& path, bool raw) {
    asio::io_context io;
    protocol::socket socket{io};
    error_code ec;
    socket.connect({path}, ec);
    throw_if(ec, "connect to " + path);
    std::string text;
    asio::read(socket, asio::dynamic_buffer(text), ec);
    if (ec != asio::error::eof)
        throw_if(ec, "read from " + path);
    if (!raw)
        text = backend::readable(text);
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void write_statistics(const std::string& path, const std::string& text, error_code& ec) {
    const auto beside = path + ".new";
    std::ofstream out{beside, std::ios::trunc};
    out << text;
    out.close();
    if (!out || ::rename(beside.c_str(), path.c_str()) != 0) {
        ec = errno_code(errno != 0 ? errno : EIO);
        ::unlink(beside.c_str());
    }
}

} // namespace xenring::tools
