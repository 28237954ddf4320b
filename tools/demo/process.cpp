#include "process.hpp"

#include <xenring/grant/error.hpp>

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace xenring::tools::demo {
namespace {

/// SIGCHLD, and of the signals that end a program those that were not ignored when it began.
sigset_t watched_signals() {
    sigset_t out;
    ::sigemptyset(&out);
    ::sigaddset(&out, SIGCHLD);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction now {};
        ::sigaction(number, nullptr, &now);
        if (now.sa_handler != SIG_IGN)
            ::sigaddset(&out, number);
    }
    return out;
}

} // namespace

signal_watch::signal_watch() {
    const auto wanted = watched_signals();
    ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    descriptor_ = ::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor_ < 0) {
        const auto problem = errno_code(errno);
        forget();
        throw error{problem, "watch for signals"};
    }
}

signal_watch::~signal_watch() {
    ::close(descriptor_);
    forget();
}

std::optional<int> signal_watch::next() const {
    signalfd_siginfo about{};
    if (::read(descriptor_, &about, sizeof about) != static_cast<ssize_t>(sizeof about))
        return std::nullopt;
    return static_cast<int>(about.ssi_signo);
}

void signal_watch::forget() const {
    const auto wanted = watched_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &wanted, nullptr);
}

process::process(std::string name, const signal_watch& signals, const std::function<bool()>& body)
    : name_{std::move(name)} {
    const auto parent = ::getpid();
    number_ = ::fork();
    if (number_ < 0) {
        number_ = 0;
        throw error{errno_code(errno), "fork"};
    }
    if (number_ > 0)
        return;
    ::prctl(PR_SET_NAME, ("demo-" + name_).c_str());
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent)
        std::_Exit(EXIT_FAILURE); // the demo had gone before it could be bound to it
    signals.forget();
    std::_Exit(body() ? EXIT_SUCCESS : EXIT_FAILURE);
}

process::~process() {
    kill();
}

bool process::look() {
    int status = 0;
    if (ended() || ::waitpid(number_, &status, WNOHANG) != number_)
        return false;
    take(status);
    return true;
}

void process::kill() {
    if (look() || ended())
        return;
    ::kill(number_, SIGKILL);
    ::waitpid(number_, nullptr, 0);
    number_ = 0;
}

void process::end_in_order() {
    if (ended())
        return;
    ::kill(number_, SIGTERM);
    int status = 0;
    if (::waitpid(number_, &status, 0) == number_)
        take(status);
}

void process::take(int status) {
    number_ = 0;
    killed_ = WIFSIGNALED(status);
    if (killed_)
        failure_ = "was ended by signal " + std::to_string(WTERMSIG(status));
    else if (WEXITSTATUS(status) != EXIT_SUCCESS)
        failure_ = "did not verify everything";
}

} // namespace xenring::tools::demo
