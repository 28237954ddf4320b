#include <xenring/grant/impl/poll_timeout.hpp>
#include <xenring/grant/impl/store_client.hpp>

#include <boost/asio/error.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace xenring::detail {
namespace {

// How much one pump() takes at most, so that a store that never stops talking cannot hold the lock.
constexpr int reads_per_pump = 16;

int make_wake_descriptor() {
    const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0)
        throw error{errno_code(errno), "open a connection to the store"};
    return descriptor;
}

} // namespace

store_client::store_client(boost::asio::any_io_executor executor, std::unique_ptr<store_pipe> pipe)
    : executor_{std::move(executor)}, pipe_{std::move(pipe)}, wake_descriptor_{
                                                                  make_wake_descriptor()} {}

store_client::~store_client() {
    ::close(wake_descriptor_);
}

bool store_client::is_open() noexcept {
    const session lock{*this};
    return !failure_;
}

std::string store_client::request(message_type type, std::uint32_t transaction, std::string payload,
                                  error_code& ec) {
    exchange one{type, std::move(payload)};
    exchange_all(transaction, {&one, 1});
    ec = one.ec;
    return std::move(one.answer);
}

void store_client::exchange_all(std::uint32_t transaction, std::span<exchange> all) {
    session lock{*this};
    std::vector<answer> replies(all.size());
    std::vector<pending_request*> requests(all.size());
    for (std::size_t i = 0; i != all.size(); ++i) {
        std::uint32_t id = 0;
        requests[i] =
            submit(all[i].type, transaction, std::move(all[i].payload), replies[i].ec, id);
        replies[i].done = !requests[i];
    }
    for (std::size_t i = 0; i != all.size(); ++i) // once nothing is thrown any more
        if (requests[i])
            requests[i]->blocked = &replies[i];
    const auto done = [&replies] { return std::ranges::all_of(replies, &answer::done); };
    wait_until(lock, done, std::nullopt);
    for (std::size_t i = 0; i != all.size(); ++i) {
        all[i].ec = replies[i].ec;
        all[i].answer = std::move(replies[i].payload);
    }
}

void store_client::send(message_type type, std::uint32_t transaction,
                        std::string payload) noexcept {
    session lock{*this};
    error_code ignored;
    std::uint32_t id = 0;
    if (submit(type, transaction, std::move(payload), ignored, id))
        pump();
}

store_client::pending_request* store_client::submit(message_type type, std::uint32_t transaction,
                                                    std::string payload, error_code& ec,
                                                    std::uint32_t& id) {
    ec = failure_;
    if (!ec && payload.size() > store_wire::payload_max)
        ec = errno_code(E2BIG);
    if (ec)
        return nullptr;
    do
        id = next_request_++;
    while (id == 0 || requests_.contains(id));
    auto& request = requests_[id];
    request.type = type;
    outgoing& added = output_.emplace_back();
    added.request = id;
    store_wire::encode({type, id, transaction, std::move(payload)}, added.bytes);
    return &request;
}

void store_client::pump() {
    flush_output();
    std::array<std::byte, 4096> buffer;
    for (int reads = 0; reads < reads_per_pump && !failure_; ++reads) {
        error_code ec;
        const std::size_t count = pipe_->read_some(buffer, ec);
        if (ec == boost::asio::error::would_block)
            return;
        if (ec)
            return fail(errc::store_gone);
        decoder_.feed(std::span{buffer}.first(count));
        while (auto message = decoder_.next(ec))
            dispatch(std::move(*message));
        if (ec)
            fail(ec);
        flush_output(); // what had to wait for an answer
    }
}

void store_client::flush_output() {
    while (!failure_ && may_write() && write_message(output_.front())) {
        output_.pop_front();
        written_ = 0;
    }
}

bool store_client::may_write() const noexcept {
    return !output_.empty() && (unanswered_ == 0 || !pipe_->one_request_at_a_time());
}

// True when there is nothing left of it to write.
bool store_client::write_message(const outgoing& message) {
    error_code ec;
    while (!ec && written_ < message.bytes.size())
        written_ += pipe_->write_some(std::span{message.bytes}.subspan(written_), ec);
    if (!ec) {
        ++unanswered_;
        return true;
    }
    if (ec == boost::asio::error::would_block)
        return false;
    if (ec == boost::asio::error::broken_pipe ||
        written_ > 0) { // nothing can follow half a message
        fail(errc::store_gone);
        return false;
    }
    if (const auto found = requests_.find(message.request); found != requests_.end()) {
        pending_request refused = std::move(found->second);
        requests_.erase(found);
        finish(refused, ec, {});
    }
    return true;
}

void store_client::dispatch(store_wire::message&& message) {
    if (message.type == message_type::watch_event) {
        auto event = store_wire::parse_watch_event(message.payload);
        if (!event)
            return fail(errc::store_protocol);
        // An event for a token that is gone was under way when its watch ended: nobody's.
        if (const auto found = watches_.find(event->token); found != watches_.end())
            deliver(*found->second, std::move(event->path));
        return;
    }
    const auto found = requests_.find(answered_request(message));
    if (found == requests_.end() || unanswered_ == 0)
        return fail(errc::store_protocol);
    pending_request request = std::move(found->second);
    requests_.erase(found);
    --unanswered_;
    if (message.type == message_type::error)
        return finish(request, store_wire::parse_error(message.payload), {});
    if (message.type == request.type)
        return finish(request, {}, std::move(message.payload));
    finish(request, errc::store_protocol, {});
    fail(errc::store_protocol);
}

// Older Linux answers WATCH and UNWATCH itself, in order, and without the request's number.
std::uint32_t store_client::answered_request(const store_wire::message& message) const {
    std::uint32_t oldest = message.request;
    if (message.request != 0)
        return oldest;
    for (const auto& [id, request] : requests_)
        if (request.type == message.type && (oldest == 0 || id < oldest))
            oldest = id;
    return oldest;
}

void store_client::finish(pending_request& request, error_code ec, std::string payload) {
    if (request.handler)
        return ready(std::move(*request.handler), ec, std::move(payload));
    if (!request.blocked)
        return;
    *request.blocked = {true, ec, std::move(payload)};
    wake_blocked();
}

void store_client::fail(error_code ec) {
    if (failure_)
        return;
    failure_ = ec;
    descriptor_.reset();
    for (auto& [id, request] : std::exchange(requests_, {}))
        finish(request, ec, {});
    for (auto& [token, watch] : std::exchange(watches_, {}))
        end(*watch, ec);
}

void store_client::close() noexcept {
    const session lock{*this};
    if (failure_)
        return;
    fail(boost::asio::error::operation_aborted);
    failure_ = errc::store_gone;
}

bool store_client::wait_until(session& lock, const std::function<bool()>& done,
                              const optional_deadline& until) {
    for (;;) {
        pump();
        if (done())
            return true;
        const auto deadline = until.value_or(std::chrono::steady_clock::time_point::max());
        const int timeout = milliseconds_until(deadline);
        if (timeout == 0)
            return false;
        if (polling_)
            lock.wait(polled_, timeout); // another caller polls, and wakes us
        else
            poll(lock, timeout);
    }
}

void store_client::poll(session& lock, int timeout) {
    std::array<pollfd, 2> descriptors{pollfd{pipe_->native_handle(), awaited(), 0},
                                      pollfd{wake_descriptor_, POLLIN, 0}};
    polling_ = true;
    lock.release();
    ::poll(descriptors.data(), descriptors.size(), timeout);
    lock.acquire();
    polling_ = false;
    eventfd_t ignored;
    ::eventfd_read(wake_descriptor_, &ignored);
    polled_.notify_all();
}

/// What to poll the pipe for.
short store_client::awaited() const noexcept {
    return may_write() ? POLLIN | POLLOUT : POLLIN;
}

void store_client::wake_blocked() noexcept {
    polled_.notify_all();
    if (polling_)
        ::eventfd_write(wake_descriptor_, 1);
}

void store_client::session::release() {
    if (!lock_.owns_lock())
        return;
    client_.arm();
    auto completions = std::exchange(client_.completions_, {});
    lock_.unlock();
    for (auto& each : completions)
        complete(client_.executor_, std::move(each.waiter.handler), each.ec, std::move(each.value));
}

void store_client::session::wait(std::condition_variable& condition, int timeout) {
    if (!client_.completions_.empty()) {
        release();
        acquire();
        return;
    }
    client_.arm();
    if (timeout < 0)
        condition.wait(lock_);
    else
        condition.wait_for(lock_, std::chrono::milliseconds{timeout});
}

} // namespace xenring::detail
