#include "common.hpp"
#include "ending_signals.hpp"

#include <boost/asio/post.hpp>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace xenring::tools {

ending_signals::ending_signals(std::function<void(int)> told)
    : told_{std::move(told)}, signals_{io_, SIGINT, SIGTERM}, deadline_{io_} {
    listen();
    thread_ = std::thread{[this] { io_.run(); }};
}

ending_signals::~ending_signals() {
    io_.stop();
    thread_.join();
}

void ending_signals::listen() {
    signals_.async_wait([this](error_code ec, int signal) {
        if (ec)
            return;
        leave_soon(by_signal + signal);
        told_(signal);
        listen();
    });
}

void ending_signals::leave_soon(int status) {
    boost::asio::post(io_, [this, status] {
        if (std::exchange(leaving_, true))
            return;
        deadline_.expires_after(patience);
        deadline_.async_wait([status](error_code) {
            complain("the hypervisor, or its store, does not answer: ended without closing in "
                     "order");
            std::_Exit(status);
        });
    });
}

} // namespace xenring::tools
