// SIGINT and SIGTERM, heard even while the program waits for a hypervisor that does not answer.
#pragma once

#include <xenring/grant/error.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <thread>

namespace xenring::tools {

/// Waits for the two signals on a thread of its own. Destroyed after whatever may block on a
/// hypervisor or its store, so that it watches over the end of that, too.
class ending_signals {
public:
    /// What the way out of the program may take before it is cut short.
    static constexpr std::chrono::seconds patience{3};

    /// `told` is called with every signal, on the other thread; leave_soon(128 + signal) was then.
    explicit ending_signals(std::function<void(int)> told);
    ending_signals(const ending_signals&) = delete;
    ending_signals& operator=(const ending_signals&) = delete;
    ~ending_signals();

    /// If this object is still there after `patience`, the process says so and ends with the status
    /// of the first call, as if it were killed. Any thread.
    void leave_soon(int status);

private:
    void listen();

    std::function<void(int)> told_;
    boost::asio::io_context io_{1};
    boost::asio::signal_set signals_;
    boost::asio::steady_timer deadline_;
    bool leaving_ = false; // only on the thread
    std::thread thread_;
};

} // namespace xenring::tools
