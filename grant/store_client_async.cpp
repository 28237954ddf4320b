#include <xenring/grant/impl/store_client.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace xenring::detail {

namespace asio = boost::asio;

void complete(const asio::any_io_executor& fallback, value_handler handler, error_code ec,
              std::string value) {
    // Through the store's executor to the handler's, as Asio's own I/O objects do.
    const auto executor = asio::get_associated_executor(handler, fallback);
    asio::post(fallback, asio::bind_executor(executor, [handler = std::move(handler), ec,
                                                        value = std::move(value)]() mutable {
                   // Not where the operation ended: a slot belongs to the handler's executor.
                   asio::get_associated_cancellation_slot(handler).clear();
                   std::move(handler)(ec, std::move(value));
               }));
}

void store_client::async_request(message_type type, std::uint32_t transaction, std::string payload,
                                 asio::cancellation_type cancelled_by, value_handler handler) {
    session lock{*this};
    error_code ec;
    std::uint32_t id = 0;
    pending_request* const request = submit(type, transaction, std::move(payload), ec, id);
    if (!request) {
        completions_.push_back({keep(std::move(handler)), ec, {}});
        return;
    }
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.assign([weak = weak_from_this(), id, cancelled_by](asio::cancellation_type type_now) {
            if ((type_now & cancelled_by) != asio::cancellation_type::none)
                if (const auto self = weak.lock())
                    self->cancel_request(id);
        });
    request->handler = keep(std::move(handler));
    ++async_waits_;
    pump();
}

void store_client::async_wait(const std::shared_ptr<watch_state>& watch, value_handler handler) {
    session lock{*this};
    if (watch->ended || watch->waiter || watch->waiting_blocked) {
        const error_code ec =
            watch->ended ? watch->ended : error_code{asio::error::already_started};
        completions_.push_back({keep(std::move(handler)), ec, {}});
        return;
    }
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.assign([weak = weak_from_this(), weak_watch = std::weak_ptr{watch},
                     number = watch->waits + 1](asio::cancellation_type) {
            const auto self = weak.lock();
            const auto state = weak_watch.lock();
            if (self && state)
                self->cancel_wait(*state, number);
        });
    ++watch->waits;
    watch->waiter = keep(std::move(handler));
    ++async_waits_;
    if (watch->event)
        deliver(*watch, *std::exchange(watch->event, std::nullopt));
    else
        pump();
}

waiting_handler store_client::keep(value_handler handler) const {
    auto work = asio::prefer(asio::get_associated_executor(handler, executor_),
                             asio::execution::outstanding_work.tracked);
    return {std::move(handler), std::move(work),
            asio::prefer(executor_, asio::execution::outstanding_work.tracked)};
}

void store_client::ready(waiting_handler&& waiter, error_code ec, std::string value) {
    --async_waits_;
    completions_.push_back({std::move(waiter), ec, std::move(value)});
}

void store_client::cancel_request(std::uint32_t id) {
    const session lock{*this};
    const auto found = requests_.find(id);
    if (found == requests_.end() || !found->second.handler)
        return;
    // The entry stays: the answer will come, and is nobody's.
    waiting_handler waiter = std::move(*found->second.handler);
    found->second.handler.reset();
    ready(std::move(waiter), asio::error::operation_aborted, {});
}

void store_client::cancel_wait(watch_state& watch, std::uint64_t number) {
    const session lock{*this};
    if (!watch.waiter || watch.waits != number)
        return;
    waiting_handler waiter = std::move(*watch.waiter);
    watch.waiter.reset();
    ready(std::move(waiter), asio::error::operation_aborted, {});
}

// The reactor watches the pipe only while a handler waits, or what waits for an older answer: an
// idle store does not keep run() going.
void store_client::arm() {
    if ((async_waits_ == 0 && output_.empty()) || failure_) {
        error_code ignored;
        if (descriptor_ && (read_armed_ || write_armed_))
            descriptor_->cancel(ignored);
        return;
    }
    if (!descriptor_ && !open_descriptor())
        return;
    using wait = asio::posix::stream_descriptor;
    if (!read_armed_)
        async_poll(wait::wait_read, read_armed_);
    if (!write_armed_ && may_write())
        async_poll(wait::wait_write, write_armed_);
}

bool store_client::open_descriptor() {
    // A duplicate, so that reactor and pipe each close their own.
    const int duplicate = ::fcntl(pipe_->native_handle(), F_DUPFD_CLOEXEC, 0);
    error_code ec = duplicate < 0 ? errno_code(errno) : error_code{};
    if (!ec)
        descriptor_.emplace(executor_).assign(duplicate, ec);
    if (!ec)
        return true;
    if (duplicate >= 0)
        ::close(duplicate);
    fail(ec);
    return false;
}

void store_client::async_poll(asio::posix::stream_descriptor::wait_type what, bool& armed) {
    armed = true;
    descriptor_->async_wait(what, [weak = weak_from_this(), &armed](error_code) {
        // `armed` is a member of what `weak` holds.
        if (const auto self = weak.lock())
            self->on_ready(armed);
    });
}

void store_client::on_ready(bool& armed) {
    const session lock{*this};
    armed = false;
    pump();
}

} // namespace xenring::detail
