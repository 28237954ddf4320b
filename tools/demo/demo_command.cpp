// xenring demo: a hypervisor, a backend domain and a frontend domain as three processes.
#include "../common.hpp"
#include "process.hpp"
#include "report.hpp"
#include "roles.hpp"

#include <xenring/grant/local/control.hpp>
#include <xenring/grant/local/server.hpp>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

namespace xenring::tools {
namespace {

using demo::figures;
using demo::plan;
using demo::process;
using demo::reporter;

class temporary_directory {
public:
    temporary_directory() {
        auto name = (std::filesystem::temp_directory_path() / "xenring-demo-XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw error{errno_code(errno), "make a directory like " + name};
        path_ = name;
    }
    ~temporary_directory() {
        std::error_code ignored; // a left-over directory under /tmp is no failure of the demo
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

bool run_hypervisor(const std::string& directory) {
    boost::asio::io_context io{1};
    boost::asio::signal_set ending{io, SIGTERM, SIGINT};
    local::server server{io.get_executor(), directory};
    ending.async_wait([&](error_code, int) {
        server.close();
        io.stop();
    });
    io.run();
    return true;
}

/// What ended the demo before its time: a signal, or something that was told on standard error.
struct broken_off {
    int status = failure;
};

/// Everything that runs, and the pipe that the two domains report through.
class run_of_demo {
public:
    explicit run_of_demo(plan work)
        : work_{std::move(work)}, hypervisor_{"hypervisor", signals_,
                                              [&] { return run_hypervisor(directory_.path()); }} {
        work_.directory = directory_.path();
    }
    run_of_demo(const run_of_demo&) = delete;
    run_of_demo& operator=(const run_of_demo&) = delete;
    ~run_of_demo() {
        frontend_.reset();
        backend_.reset();
        hypervisor_.end_in_order();
    }

    const plan& work() const noexcept { return work_; }

    /// Waits until the stand-in answers.
    void await_hypervisor() {
        error_code ec;
        for (int tries = 0; tries < 500; ++tries) {
            local::control probe{work_.directory, ec};
            if (!ec)
                return;
            look_for_signals();
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        throw error{ec, "start the stand-in hypervisor in " + work_.directory};
    }

    /// Lets the two domains talk until both have ended.
    figures let_them_talk() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw error{errno_code(errno), "make a pipe"};
        const auto in_child = [&](auto role) {
            return [&, role] {
                ::close(ends[0]);
                reporter report{ends[1]};
                return role(work_, report);
            };
        };
        backend_.emplace("backend", signals_, in_child(demo::run_backend));
        frontend_.emplace("frontend", signals_, in_child(demo::run_frontend));
        ::close(ends[1]);
        demo::collector lines;
        while (wait_for_news(ends[0]))
            lines.take(ends[0]);
        while (lines.take(ends[0])) { // what was said last
        }
        ::close(ends[0]);
        auto seen = lines.seen();
        for (const auto* each : {&*backend_, &*frontend_})
            if (!each->failure().empty())
                tell_failure(*each, seen);
        return seen;
    }

private:
    /// True: the pipe has something; false: both domains have ended. Takes one along when the other
    /// fails: it would wait in vain.
    bool wait_for_news(int pipe) {
        for (;;) {
            look_for_signals();
            for (auto* each : {&*backend_, &*frontend_})
                if (each->look() && !each->failure().empty())
                    (each == &*backend_ ? frontend_ : backend_)->kill();
            if (backend_->ended() && frontend_->ended())
                return false;
            pollfd waits[] = {{pipe, POLLIN, 0}, {signals_.descriptor(), POLLIN, 0}};
            ::poll(waits, 2, -1);
            if (waits[0].revents & POLLIN)
                return true;
            if (waits[0].revents != 0)
                pipe = -1; // closed by both, which will have ended in a moment
        }
    }

    void look_for_signals() {
        while (const auto signal = signals_.next())
            if (*signal != SIGCHLD)
                throw broken_off{by_signal + *signal};
        if (hypervisor_.look()) {
            complain("the demo failed: the stand-in hypervisor ended");
            throw broken_off{};
        }
    }

    static void tell_failure(const process& which, figures& seen) {
        if (which.killed() || !seen.trouble) // else it has said itself what was wrong
            complain("the demo failed: the " + which.name() + ' ' + which.failure());
        seen.trouble = true;
    }

    const demo::signal_watch signals_; // first, so that no signal leaves the directory behind
    plan work_;
    const temporary_directory directory_;
    process hypervisor_;
    std::optional<process> backend_;
    std::optional<process> frontend_;
};

/// Both ends have gone; what they held must have gone with them.
struct left_over {
    std::size_t pages = 0;
    std::size_t ports = 0;

    explicit left_over(const std::string& directory) {
        for (const auto& domain : local::control{directory}.statistics().domains) {
            pages += domain.pages_granted + domain.pages_deferred + domain.pages_mapped;
            ports += domain.ports;
        }
    }
};

void print_table(const plan& work, const figures& seen, const left_over& rest) {
    const auto row = [](const char* what, const std::string& value) {
        fmt::print("  {:<46}{:>22}\n", what, value);
    };
    const double mebibytes = static_cast<double>(work.stream_bytes) / (1 << 20);
    const double stream_events = seen["stream_frontend_events"] + seen["stream_backend_events"];
    const double ring_events = seen["ring_frontend_events"] + seen["ring_backend_events"];
    fmt::print("\n  domain 2 (frontend) with domain 1 (backend), on the stand-in hypervisor\n\n");
    row("ring: requests answered and verified",
        fmt::format("{:.0f} of {}", seen["ring_verified"], work.requests));
    row("ring: requests per second",
        fmt::format("{:.0f}", seen["ring_verified"] / seen["ring_seconds"]));
    row("ring: events per 1000 requests",
        fmt::format("{:.1f}", 1000 * ring_events / seen["ring_verified"]));
    row("vchan: stream sent, MiB", fmt::format("{:.0f}", mebibytes));
    row("vchan: stream verified, MiB", fmt::format("{:.0f}", seen["stream_verified"] / (1 << 20)));
    row("vchan: MB/s", fmt::format("{:.0f}", static_cast<double>(work.stream_bytes) / 1e6 /
                                                 seen["stream_seconds"]));
    row("vchan: events per MiB", fmt::format("{:.2f}", stream_events / mebibytes));
    row("vchan: 64 byte round trip, p50, microseconds",
        fmt::format("{:.1f}", seen["round_trip_p50"]));
    row("vchan: 64 byte round trip, p99, microseconds",
        fmt::format("{:.1f}", seen["round_trip_p99"]));
    row("pages left over", fmt::format("{}", rest.pages));
    row("ports left over", fmt::format("{}", rest.ports));
    fmt::print("\n");
}

int judge(const plan& work, const figures& seen) {
    const left_over rest{work.directory};
    print_table(work, seen, rest);
    const bool verified = seen["ring_verified"] == static_cast<double>(work.requests) &&
                          seen["stream_verified"] == static_cast<double>(work.stream_bytes);
    if (!verified)
        complain("the demo failed: not everything was verified");
    if (rest.pages + rest.ports > 0)
        complain("the demo failed: pages or ports are left over");
    return verified && rest.pages + rest.ports == 0 ? success : failure;
}

int run_demo(const plan& wanted) {
    try {
        run_of_demo demo{wanted};
        demo.await_hypervisor();
        const auto seen = demo.let_them_talk();
        return seen.trouble ? failure : judge(demo.work(), seen);
    } catch (const broken_off& early) {
        return early.status;
    }
}

void refuse_what_means_nothing_here(const global_options& options) {
    if (!options.hypervisor.empty())
        throw usage_problem{"--hypervisor means nothing to the demo, which runs a stand-in itself"};
    if (options.domain)
        throw usage_problem{"--domid means nothing to the demo, which runs two domains itself"};
}

} // namespace

void add_demo_command(CLI::App& app, const global_options& options, int& status) {
    auto work = std::make_shared<plan>();
    auto* command = app.add_subcommand(
        "demo", "Two domains talk on this machine, without Xen: a ring, then a vchan stream");
    command->add_option("--requests", work->requests, "Requests through the ring")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
    command->add_option("--bytes", work->stream_bytes, "Bytes through vchan (K, M, G allowed)")
        ->transform(CLI::AsSizeValue{false})
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50))
        ->default_str("1G");
    command->add_option("--round-trips", work->round_trips, "Round trips that are timed")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
    command->callback([=, &options, &status] {
        refuse_what_means_nothing_here(options);
        status = run_demo(*work);
    });
}

} // namespace xenring::tools
