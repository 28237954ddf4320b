// What the commands have in common that run until somebody stops them.
#pragma once

#include "common.hpp"

#include <xenring/grant/domain.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>
#include <string>

namespace xenring::tools {

/// A context, a domain, and signals: SIGINT and SIGTERM ask it to stop, SIGUSR1 what was counted.
class daemon_run {
public:
    daemon_run(const daemon_run&) = delete;
    daemon_run& operator=(const daemon_run&) = delete;

protected:
    explicit daemon_run(const global_options& global);
    virtual ~daemon_run() = default;

    /// A signal came: ends in order.
    virtual void stop() = 0;
    virtual void report() = 0;

    /// Runs until nothing is left to do. The exit status.
    int serve();
    /// No signal is waited for any more.
    void ignore_signals();

    /// Lines for people, for the libraries; they may come as long as the object is there.
    std::function<void(bool trouble, const std::string&)> log();

    const global_options& global_;
    boost::asio::io_context io_;
    domain here_;
    int status_ = success;

private:
    void wait_for_reports();

    boost::asio::signal_set signals_;
    boost::asio::signal_set reports_;
};

} // namespace xenring::tools
