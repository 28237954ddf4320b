// Statistics over a local socket: whoever connects gets the text of now, and the end.
#pragma once

#include <xenring/grant/error.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>

namespace xenring::tools {

/// Owner and group may connect. The socket's name goes with the object. Throws
/// boost::system::system_error if the name cannot be bound; one that a killed process left is taken
/// over.
class statistics_socket {
public:
    statistics_socket(boost::asio::io_context& io, std::string path,
                      std::function<std::string()> text);
    ~statistics_socket();
    statistics_socket(const statistics_socket&) = delete;
    statistics_socket& operator=(const statistics_socket&) = delete;

private:
    void accept();
    void accept_later(const error_code& why);

    std::string path_;
    std::function<std::string()> text_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    bool complained_ = false;
};

/// Prints what the socket gives, a line for each direction of each queue; `raw`: as it comes.
/// Throws boost::system::system_error.
void print_statistics(const std::string& path, bool raw);

/// Replaces the file in one step, so that whoever reads it (node_exporter's textfile collector, for
/// one) never sees half of it. Errors: errno.
void write_statistics(const std::string& path, const std::string& text, error_code& ec);

} // namespace xenring::tools
