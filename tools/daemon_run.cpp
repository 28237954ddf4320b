#include "daemon_run.hpp"

#include <csignal>

namespace xenring::tools {

daemon_run::daemon_run(const global_options& global)
    : global_{global}, here_{io_.get_executor(), global.specification()},
      signals_{io_, SIGINT, SIGTERM}, reports_{io_, SIGUSR1} {}

int daemon_run::serve() {
    signals_.async_wait([this](const error_code& ec, int number) {
        if (ec)
            return;
        status_ = by_signal + number;
        stop();
    });
    wait_for_reports();
    io_.run();
    return status_;
}

void daemon_run::wait_for_reports() {
    reports_.async_wait([this](const error_code& ec, int) {
        if (ec)
            return;
        report();
        wait_for_reports();
    });
}

void daemon_run::ignore_signals() {
    signals_.cancel();
    reports_.cancel();
}

std::function<void(bool, const std::string&)> daemon_run::log() {
    return [this](bool trouble, const std::string& text) {
        if (trouble)
            complain(text);
        else
            remark(global_, text);
    };
}

} // namespace xenring::tools
