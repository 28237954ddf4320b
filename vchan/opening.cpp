#include <xenring/vchan/opening.hpp>
#include <xenring/vchan/path.hpp>
#include <xenring/vchan/peer_check.hpp>
#include <xenring/vchan/server_keys.hpp>
#include <xenring/vchan/stream_service.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace xenring::vchan::detail {
namespace {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

/// The longest time between two tries. The watch makes a try come at once when the keys change; it
/// cannot tell that a server has let go of its client.
constexpr std::chrono::milliseconds between_tries{250};

/// What a try may take at least, whatever the deadline.
constexpr std::chrono::seconds patience{2};

clock::time_point deadline_of(const options& chosen) {
    const auto now = clock::now();
    return chosen.wait >= clock::time_point::max() - now ? clock::time_point::max()
                                                         : now + chosen.wait;
}

/// Whether another try may find what this one did not: a server that is about to come, to change
/// over to its next client, or to take away what an earlier one left.
bool worth_another_try(const opening_request& request, const error_code& ec) {
    return request.role == ring::vchan_role::client && request.chosen.wait.count() > 0 &&
           (ec == errc::server_keys_missing || ec == errc::channel_busy ||
            ec == errc::bad_geometry || refused_by_xen(ec));
}

std::unique_ptr<channel> try_once(const domain& here, const asio::any_io_executor& executor,
                                  const opening_request& request, error_code& ec) {
    if (request.role == ring::vchan_role::server)
        return open_server(here, executor, request.peer, request.base, request.chosen, ec);
    return open_client(here, executor, request.peer, request.base, ec);
}

/// One asynchronous opening: tries on the blocking thread, waits in between on the executor.
class opening : public std::enable_shared_from_this<opening> {
public:
    opening(std::shared_ptr<stream_core> core, opening_request request)
        : core_{std::move(core)}, request_{std::move(request)},
          deadline_{deadline_of(request_.chosen)}, timer_{core_->executor()} {}

    ~opening() { withdraw(); } // the context went away

    void start(stream_core::wait_handler handler) {
        core_->cancel_opening = [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->cancel();
        };
        handler_.start(core_->executor(), std::move(handler),
                       [weak = weak_from_this()](std::uint64_t) {
                           if (const auto self = weak.lock())
                               self->cancel();
                       });
        attempt();
    }

private:
    void cancel() {
        cancelled_ = true;
        timer_.cancel();
    }

    void attempt() {
        trying_ = true;
        if (request_.chosen.wait.count() > 0 && deadline_ != clock::time_point::max()) {
            timer_.expires_at(std::max(deadline_, clock::now() + patience));
            timer_.async_wait([self = shared_from_this()](error_code ec) {
                if (!ec && self->trying_)
                    self->give_up();
            });
        }
        run_blocking(
            core_->executor(),
            [self = shared_from_this()] {
                const auto& here = self->core_->here();
                if (self->request_.chosen.wait.count() > 0 && !self->watch_.is_open() &&
                    self->request_.role == ring::vchan_role::client) {
                    error_code refused; // then the timer alone has to do
                    self->watch_ = here.store().watch(self->request_.base, refused);
                }
                self->opened_ = try_once(here, self->core_->executor(), self->request_, self->ec_);
            },
            [self = shared_from_this()] { self->attempted(); });
    }

    /// Takes back what nobody wants any more, a server's announcement included. Blocks.
    void withdraw() noexcept {
        if (!opened_)
            return;
        const auto names = opened_->names;
        opened_.reset();
        error_code ignored; // it goes as far as the store lets it
        if (names.role == ring::vchan_role::server)
            remove_keys(core_->here().store(), names.base, names.keys, ignored);
    }

    /// The store, or the hypervisor, does not answer. The try goes on, and is withdrawn if it ends.
    void give_up() {
        if (std::exchange(cancelled_, true))
            return; // whoever cancelled it waits for the end
        core_->cancel_opening = nullptr;
        handler_.complete(errc::timed_out);
    }

    void attempted() {
        trying_ = false;
        timer_.cancel();
        if (cancelled_)
            return run_blocking(
                core_->executor(), [self = shared_from_this()] { self->withdraw(); },
                [self = shared_from_this()] { self->finish(asio::error::operation_aborted); });
        if (!ec_) {
            core_->adopt(std::move(opened_), request_.chosen);
            return finish({});
        }
        if (!worth_another_try(request_, ec_))
            return finish(ec_);
        const auto now = clock::now();
        if (now >= deadline_)
            return finish(ec_); // which says more than that the time is over
        timer_.expires_at(std::min(deadline_, now + between_tries));
        timer_.async_wait([self = shared_from_this()](error_code) { self->try_again(); });
        if (watch_.is_open() && !std::exchange(watching_, true))
            watch_.async_wait(asio::bind_executor(
                core_->executor(), [weak = weak_from_this()](error_code, const std::string&) {
                    if (const auto self = weak.lock()) {
                        self->watching_ = false;
                        self->timer_.cancel();
                    }
                }));
    }

    void try_again() {
        if (cancelled_)
            return finish(asio::error::operation_aborted);
        attempt();
    }

    void finish(error_code ec) {
        watch_.close();
        if (!handler_.active())
            return; // given up earlier
        core_->cancel_opening = nullptr;
        handler_.complete(ec);
    }

    std::shared_ptr<stream_core> core_;
    opening_request request_;
    clock::time_point deadline_;
    care_timer timer_;
    store_watch watch_;
    pending<> handler_;
    std::unique_ptr<channel> opened_;
    error_code ec_;
    bool trying_ = false;
    bool cancelled_ = false;
    bool watching_ = false;
};

} // namespace

opening_request make_request(stream_core& core, ring::vchan_role role, domid peer,
                             std::string_view path, const options& chosen, error_code& ec) {
    ec.clear();
    opening_request request{role, peer, {}, chosen};
    const auto self = core.here().self();
    const bool server = role == ring::vchan_role::server;
    if (core.end() || core.cancel_opening)
        ec = asio::error::already_connected;
    else if (peer == self)
        ec = errc::loopback_refused; // Linux crashes on it when gntalloc and gntdev meet
    else if (server && !ring::choose_vchan_geometry(chosen.left_size, chosen.right_size))
        ec = errc::bad_geometry;
    else
        request.base = base_path(path, server ? self : peer, server ? peer : self, ec);
    return request;
}

void open_now(stream_core& core, const opening_request& request, error_code& ec) {
    const auto deadline = deadline_of(request.chosen);
    auto& store = core.here().store();
    store_watch watch;
    for (;;) {
        auto opened = try_once(core.here(), core.executor(), request, ec);
        if (!ec)
            return core.adopt(std::move(opened), request.chosen);
        if (!worth_another_try(request, ec))
            return;
        const auto left = deadline - clock::now();
        if (left <= clock::duration::zero())
            return;         // ec says more than that the time is over
        error_code ignored; // without a watch, or in spite of one, there is always the next try
        if (!watch.is_open())
            watch = store.watch(request.base, ignored);
        const auto pause = std::min<clock::duration>(left, between_tries);
        if (watch.is_open())
            watch.wait_for(std::chrono::ceil<std::chrono::milliseconds>(pause), ignored);
        else
            std::this_thread::sleep_for(pause);
    }
}

void start_open(std::shared_ptr<stream_core> core, opening_request request,
                stream_core::wait_handler handler) {
    std::make_shared<opening>(std::move(core), std::move(request))->start(std::move(handler));
}

} // namespace xenring::vchan::detail
