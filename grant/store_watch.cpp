#include <xenring/grant/impl/poll_timeout.hpp>
#include <xenring/grant/impl/store_client.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace xenring {
namespace detail {

using store_wire::join;
using clock = std::chrono::steady_clock;

namespace {

/// Lets those who wait beside a descriptor look.
void wake_beside(const watch_state& watch) noexcept {
    if (watch.wake_descriptor >= 0)
        ::eventfd_write(watch.wake_descriptor, 1);
}

} // namespace

watch_state::~watch_state() {
    if (wake_descriptor >= 0)
        ::close(wake_descriptor);
}

std::shared_ptr<watch_state> store_client::add_watch(std::string path, error_code& ec) {
    auto watch = std::make_shared<watch_state>();
    watch->client = shared_from_this();
    watch->path = std::move(path);
    {
        const session lock{*this};
        watch->token = std::to_string(next_token_++);
        // Before the request: the first event comes right behind the answer.
        if (!failure_)
            watches_.emplace(watch->token, watch);
    }
    request(message_type::watch, 0, join({watch->path, watch->token}), ec);
    if (!ec)
        return watch;
    const session lock{*this};
    watches_.erase(watch->token);
    return nullptr;
}

void store_client::remove_watch(watch_state& watch) noexcept {
    session lock{*this};
    if (watch.ended)
        return;
    watches_.erase(watch.token);
    end(watch, boost::asio::error::operation_aborted);
    lock.release();
    send(message_type::unwatch, 0, join({watch.path, watch.token}));
}

void store_client::deliver(watch_state& watch, std::string path) {
    ++watch.events;
    wake_beside(watch);
    if (watch.waiter) {
        waiting_handler waiter = std::move(*watch.waiter);
        watch.waiter.reset();
        return ready(std::move(waiter), {}, std::move(path));
    }
    if (!watch.event)
        watch.event = std::move(path);
    else if (*watch.event != path)
        watch.event = watch.path;
    if (watch.waiting_blocked)
        wake_blocked();
}

void store_client::end(watch_state& watch, error_code ec) {
    watch.ended = ec;
    wake_beside(watch);
    if (watch.waiter) {
        waiting_handler waiter = std::move(*watch.waiter);
        watch.waiter.reset();
        ready(std::move(waiter), ec, {});
    }
    if (watch.waiting_blocked)
        wake_blocked();
}

std::string store_client::wait(watch_state& watch, std::chrono::steady_clock::time_point deadline,
                               error_code& ec) {
    session lock{*this};
    if (watch.waiter || watch.waiting_blocked) {
        ec = boost::asio::error::already_started;
        return {};
    }
    watch.waiting_blocked = true;
    const bool woken = wait_until(
        lock, [&watch] { return watch.event || watch.ended; }, deadline);
    watch.waiting_blocked = false;
    ec = watch.ended ? watch.ended : woken ? error_code{} : make_error_code(errc::timed_out);
    return ec ? std::string{} : *std::exchange(watch.event, std::nullopt);
}

std::uint64_t store_client::events(const watch_state& watch) {
    const session lock{*this};
    return watch.events;
}

// Many may poll the pipe at once: whoever comes first reads it, and tells whom it concerns.
bool store_client::wait_beside(watch_state& watch, int descriptor, std::uint64_t seen,
                               clock::time_point deadline, error_code& ec) {
    session lock{*this};
    if (watch.wake_descriptor < 0)
        watch.wake_descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (watch.wake_descriptor < 0) {
        ec = errno_code(errno);
        return false;
    }
    for (;;) {
        ec = watch.ended;
        if (ec || watch.events != seen)
            return false;
        std::array<pollfd, 3> polled{pollfd{descriptor, POLLIN, 0},
                                     pollfd{watch.wake_descriptor, POLLIN, 0},
                                     pollfd{pipe_->native_handle(), awaited(), 0}};
        lock.release();
        const int ready = ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
        if (ready < 0 && errno != EINTR) {
            ec = errno_code(errno);
            return false;
        }
        if (ready == 0 && clock::now() >= deadline) {
            ec = errc::timed_out;
            return false;
        }
        if (ready > 0 && polled[0].revents != 0)
            return true;
        lock.acquire();
        if (ready <= 0)
            continue;
        if (eventfd_t ignored; polled[1].revents != 0)
            ::eventfd_read(watch.wake_descriptor, &ignored);
        if (polled[2].revents != 0)
            pump();
    }
}

} // namespace detail
namespace {

// A wait that lasts longer is for ever; keeps the deadline from overflowing.
constexpr std::chrono::hours longest_wait{24 * 365};

} // namespace

store_watch::store_watch(std::shared_ptr<detail::watch_state> state) noexcept
    : state_{std::move(state)} {}

store_watch& store_watch::operator=(store_watch&& other) noexcept {
    if (this != &other) {
        close();
        state_ = std::move(other.state_);
    }
    return *this;
}

store_watch::~store_watch() {
    close();
}

const std::string& store_watch::path() const noexcept {
    return state_->path;
}

watch_ticket store_watch::seen() const noexcept {
    return {state_ ? state_->client->events(*state_) : 0};
}

bool store_watch::wait_beside(int descriptor, watch_ticket seen,
                              std::chrono::steady_clock::time_point deadline, error_code& ec) {
    ec = errc::not_connected;
    // Kept here: another thread may close the watch meanwhile.
    const auto state = state_;
    return state && state->client->wait_beside(*state, descriptor, seen.count, deadline, ec);
}

void store_watch::close() noexcept {
    if (const auto state = std::exchange(state_, nullptr))
        state->client->remove_watch(*state);
}

std::string store_watch::wait_for(std::chrono::milliseconds duration, error_code& ec) {
    ec = errc::not_connected;
    if (!state_)
        return {};
    // Kept here: another thread may close the watch meanwhile.
    const auto state = state_;
    duration = std::min<std::chrono::milliseconds>(duration, longest_wait);
    return state->client->wait(*state, std::chrono::steady_clock::now() + duration, ec);
}

std::string store_watch::wait_for(std::chrono::milliseconds duration) {
    error_code ec;
    std::string path = wait_for(duration, ec);
    throw_if(ec, "wait for a change in the store" + (state_ ? " of " + state_->path : ""));
    return path;
}

void store_watch::start_wait(std::shared_ptr<detail::watch_state> state, wait_handler handler) {
    if (state)
        state->client->async_wait(state, std::move(handler));
    else
        detail::complete(boost::asio::system_executor{}, std::move(handler), errc::not_connected,
                         {});
}

} // namespace xenring
