// xenring vchan listen | connect: standard input goes to the peer, what the peer sends goes to
// standard output.
#include "common.hpp"
#include "ending_signals.hpp"
#include "relay.hpp"
#include "vchan_arguments.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/vchan/acceptor.hpp>
#include <xenring/vchan/path.hpp>
#include <xenring/vchan/stream.hpp>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <utility>

namespace xenring::tools {
namespace asio = boost::asio;
namespace {

/// Whatever the two domains are, the path must be one: told before anything is opened.
const vchan_arguments& checked(const vchan_arguments& arguments) {
    try {
        (void)vchan::base_path(arguments.path, domid{0}, domid{arguments.peer});
    } catch (const error& wrong) {
        throw usage_problem{wrong.what()};
    }
    return arguments;
}

/// One run of the subcommand: the channel, the signals that end it, and its exit status.
class vchan_run {
public:
    vchan_run(const global_options& global, const vchan_arguments& arguments)
        : global_{global}, arguments_{checked(arguments)}, signals_{[this](int signal) {
              asio::post(io_, [this, signal] { stop(by_signal + signal); });
          }},
          here_{io_.get_executor(), global.specification()},
          input_{io_.get_executor(), STDIN_FILENO, O_RDONLY}, output_{io_.get_executor(),
                                                                      STDOUT_FILENO, O_WRONLY} {
        remark(global_, here_.hypervisor().description());
    }

    int listen() {
        return run([this] { return serve(); });
    }
    int connect() {
        return run([this] { return dial(); });
    }

private:
    template <class Body>
    int run(Body body) {
        asio::co_spawn(io_, body(), [this](std::exception_ptr problem) {
            if (problem)
                report(problem);
            signals_.leave_soon(status_); // what still runs waits for the store
        });
        io_.run();
        return status_;
    }

    /// What a signal does; puts back what it did before when the coroutine that it ends goes.
    class stop_scope {
    public:
        stop_scope(vchan_run& run, std::function<void()> action)
            : run_{run}, before_{std::exchange(run.stopping_, std::move(action))} {}
        stop_scope(const stop_scope&) = delete;
        stop_scope& operator=(const stop_scope&) = delete;
        ~stop_scope() { run_.stopping_ = std::move(before_); }

    private:
        vchan_run& run_;
        std::function<void()> before_;
    };

    /// A signal may come between the end of a wait and the coroutine that waited: then there was
    /// nothing to cancel, and only this tells.
    bool told_to_end() const noexcept { return status_ >= by_signal; }

    asio::awaitable<void> serve() {
        vchan::acceptor acceptor{here_, domid{arguments_.peer}, arguments_.path,
                                 arguments_.channel};
        remark(global_, "listening at " + acceptor.path());
        if (!vchan::fits_libxenvchan(acceptor.path()))
            complain("warning: clients that use libxenvchan cannot name a path over 49 bytes");
        const stop_scope stopping{*this, [&] { acceptor.cancel(); }};
        while (!told_to_end()) {
            auto peer = co_await next_client(acceptor);
            if (told_to_end())
                break;
            remark(global_, "a client is connected");
            co_await talk(peer);
            if (!arguments_.keep)
                break;
        }
    }

    /// A client that goes on mapping its pages keeps them from the next one until it lets go: that
    /// is no reason to stop serving, so it is said once and waited out.
    asio::awaitable<vchan::stream> next_client(vchan::acceptor& acceptor) {
        for (bool said = false;; said = true) {
            error_code ec;
            auto peer =
                co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, ec));
            const bool lacks = arguments_.keep && ec == condition::resource_exhausted;
            if (!ec || told_to_end())
                co_return peer;
            if (!lacks)
                throw error{ec, "wait for a client"};
            if (!said)
                complain(channel_name() + ": " + ec.message() + reminder(ec) +
                         "; trying again until it works");
            asio::steady_timer pause{io_, std::chrono::milliseconds{200}};
            const stop_scope stopping{*this, [&] { pause.cancel(); }};
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            if (told_to_end())
                co_return peer;
        }
    }

    asio::awaitable<void> dial() {
        vchan::stream peer{here_};
        const stop_scope stopping{*this, [&] { peer.cancel(); }};
        if (told_to_end())
            co_return;
        error_code ec;
        co_await peer.async_connect(domid{arguments_.peer}, arguments_.path, arguments_.channel,
                                    asio::redirect_error(asio::use_awaitable, ec));
        if (told_to_end())
            co_return;
        if (ec)
            throw error{ec, waited_for(ec) ? "waited in vain" : "connect"};
        remark(global_, "connected to " + peer.path());
        co_await talk(peer);
    }

    asio::awaitable<void> talk(vchan::stream& peer) {
        relay exchange{peer, input_, output_, arguments_.close_when_taken};
        const stop_scope stopping{*this, [&] { exchange.stop(); }};
        const auto ended = co_await exchange.run();
        if (ended.peer)
            fail("domain " + std::to_string(arguments_.peer) + ": " + ended.peer.message());
        if (ended.output)
            output_failed(ended.output);
        if (ended.input)
            fail("standard input: " + ended.input.message());
        if (ended.peer_closed && arguments_.close_when_taken)
            look_for_loss(ended.untaken);
        // A peer that has read everything must not take half of our input for the whole. An output
        // that is closed is none of its business: somebody here has had enough.
        if (ended.input || (ended.output && ended.output != errno_code(EPIPE)))
            co_return peer.abort();
        error_code ignored; // the peer has what it will ever get
        co_await peer.async_close(asio::redirect_error(asio::use_awaitable, ignored));
    }

    bool waited_for(const error_code& ec) const {
        return arguments_.channel.wait.count() > 0 &&
               (ec == errc::server_keys_missing || ec == errc::channel_busy ||
                ec == errc::bad_geometry || ec == errc::timed_out);
    }

    /// A peer that closes in order may still not have taken everything. With --keep the rest of the
    /// input is for the next client.
    void look_for_loss(std::size_t untaken) {
        std::string lost;
        if (untaken != 0)
            lost = std::to_string(untaken) + " bytes that it was sent";
        if (!arguments_.keep && input_.has_more())
            lost += (lost.empty() ? "" : " and ") + std::string{"the rest of standard input"};
        if (!lost.empty())
            fail(channel_name() + ": the peer closed without taking " + lost +
                 ": send that again, to a peer that reads to the end");
    }

    std::string channel_name() const {
        return "domain " + std::to_string(arguments_.peer) + ", " + shortened(arguments_.path);
    }

    /// What the store said concerns this domain, which the user may have meant to be another.
    std::string reminder(const error_code& ec) const {
        const bool of_store = ec == errc::store_quota || ec == errc::store_refused;
        return of_store ? "; this is domain " + std::to_string(here_.self().value) : "";
    }

    void output_failed(const error_code& problem) {
        if (problem == errno_code(EPIPE))
            status_ = by_signal + SIGPIPE; // as a filter whose reader went away ends
        else
            fail("standard output: " + problem.message());
    }

    void fail(const std::string& text) {
        complain(text);
        if (status_ == success)
            status_ = failure;
    }

    void stop(int status) {
        if (!told_to_end())
            status_ = status;
        if (stopping_)
            stopping_();
    }

    void report(std::exception_ptr problem) {
        if (told_to_end())
            return; // what a signal cut short is not an error of its own
        try {
            std::rethrow_exception(problem);
        } catch (const boost::system::system_error& wrong) {
            fail(channel_name() + ": " + wrong.what() + reminder(wrong.code()));
        } catch (const std::exception& wrong) {
            fail(wrong.what());
        }
    }

    const global_options& global_;
    const vchan_arguments& arguments_;
    asio::io_context io_{1};
    ending_signals signals_; // destroyed after what may wait for the store
    domain here_;
    borrowed_descriptor input_;
    borrowed_descriptor output_;
    std::function<void()> stopping_;
    int status_ = success;
};

} // namespace

void add_vchan_commands(CLI::App& app, const global_options& options, int& status) {
    auto* vchan = app.add_subcommand("vchan", "A byte stream between two domains, like nc");
    vchan->require_subcommand(1);
    auto arguments = std::make_shared<vchan_arguments>();

    auto* listen = vchan->add_subcommand("listen", "Offer a channel to one domain");
    add_common_options(*listen, *arguments);
    add_listen_options(*listen, *arguments);
    listen->callback([=, &options, &status] { status = vchan_run{options, *arguments}.listen(); });

    auto* connect = vchan->add_subcommand("connect", "Connect to a channel of another domain");
    add_common_options(*connect, *arguments);
    add_connect_options(*connect, *arguments);
    connect->callback([=, &options, &status] {
        status = vchan_run{options, *arguments}.connect();
    });
}

} // namespace xenring::tools
