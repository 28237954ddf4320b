#include <xenring/grant/impl/store_client.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>

#include <algorithm>
#include <utility>

namespace xenring {
namespace detail {

using store_wire::join;

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
