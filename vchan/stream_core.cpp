#include <xenring/vchan/stream_core.hpp>
#include <xenring/vchan/stream_service.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace xenring::vchan::detail {

namespace asio = boost::asio;

namespace {

/// None where the peer could do nothing meanwhile.
std::chrono::nanoseconds useful_spin(const domain& here, domid peer,
                                     std::chrono::nanoseconds wish) noexcept {
    static const bool one_cpu = std::thread::hardware_concurrency() == 1;
    const bool useless = one_cpu && here.hypervisor().shares_cpus_with(peer);
    return useless ? std::chrono::nanoseconds{} : std::max(wish, std::chrono::nanoseconds{});
}

} // namespace

std::shared_ptr<stream_core> stream_core::make(asio::any_io_executor executor, domain here) {
    auto core = std::make_shared<stream_core>(std::move(executor), std::move(here));
    stream_service::of(core->executor_).add(core);
    return core;
}

stream_core::stream_core(asio::any_io_executor executor, domain here)
    : executor_{std::move(executor)}, here_{std::move(here)}, timer_{executor_}, verdict_timer_{
                                                                                     executor_} {}

stream_core::~stream_core() {
    stream_service::of(executor_).remove(*this);
}

void stream_core::adopt(std::unique_ptr<channel> opened, const options& chosen) {
    options_ = chosen;
    presence_ = presence::unclear;
    watch_refused_ = false;
    told_ = {};
    looks_left_ = absent_looks_ = 0;
    verdict_looks_ = 0;
    glance_.reset();
    peer_glance_.reset();
    renewals_left_ = 1; // the client's domain may just be coming
    sleeping_ = timing_ = watching_ = checking_ = check_again_ = judging_ = false;
    ++openings_;
    const auto spin = useful_spin(here_, opened->names.peer, chosen.spin);
    endpoint_.emplace(std::move(opened), spin);
}

// --- synchronous ---------------------------------------------------------------------------------

std::size_t stream_core::read(const mutable_buffers& buffers, error_code& ec) {
    ec.clear();
    for (;;) {
        if (!endpoint_)
            return ec = errc::not_connected, 0;
        if (buffers.empty())
            return 0;
        const auto count = endpoint_->read(buffers.buffers(), ec);
        if (ec != asio::error::would_block)
            return count;
        wait(need::read, ec);
        if (ec)
            return 0;
    }
}

std::size_t stream_core::write(const const_buffers& buffers, error_code& ec) {
    ec.clear();
    for (;;) {
        if (!endpoint_)
            return ec = errc::not_connected, 0;
        if (buffers.empty())
            return 0;
        const auto count = endpoint_->write(buffers.buffers(), ec);
        if (ec != asio::error::would_block)
            return count;
        wait(need::write, ec);
        if (ec)
            return 0;
    }
}

// --- asynchronous --------------------------------------------------------------------------------

void stream_core::start_read(const mutable_buffers& buffers, io_handler handler) {
    error_code ec;
    std::size_t count = 0;
    if (!endpoint_)
        ec = errc::not_connected;
    else if (read_.active())
        ec = asio::error::already_started;
    else if (!buffers.empty())
        count = endpoint_->read(buffers.buffers(), ec);
    if (ec != asio::error::would_block)
        return complete_later(executor_, std::move(handler), ec, count);
    read_buffers_ = buffers;
    read_.start(executor_, std::move(handler), [weak = weak_from_this()](std::uint64_t serial) {
        if (const auto self = weak.lock())
            self->cancel_one(self->read_, serial, std::size_t{0});
    });
    settle();
}

void stream_core::start_write(const const_buffers& buffers, io_handler handler) {
    error_code ec;
    std::size_t count = 0;
    if (!endpoint_)
        ec = errc::not_connected;
    else if (write_.active())
        ec = asio::error::already_started;
    else if (!buffers.empty())
        count = endpoint_->write(buffers.buffers(), ec);
    if (ec != asio::error::would_block)
        return complete_later(executor_, std::move(handler), ec, count);
    write_buffers_ = buffers;
    write_.start(executor_, std::move(handler), [weak = weak_from_this()](std::uint64_t serial) {
        if (const auto self = weak.lock())
            self->cancel_one(self->write_, serial, std::size_t{0});
    });
    settle();
}

void stream_core::start_wait(need what, wait_handler handler) {
    auto& slot = waits_[static_cast<std::size_t>(what)];
    error_code ec;
    if (!endpoint_)
        return complete_later(executor_, std::move(handler), error_code{errc::not_connected});
    if (slot.active())
        return complete_later(executor_, std::move(handler),
                              error_code{asio::error::already_started});
    if (endpoint_->ready(what, ec))
        return complete_later(executor_, std::move(handler), ec);
    slot.start(executor_, std::move(handler),
               [weak = weak_from_this(), what](std::uint64_t serial) {
                   if (const auto self = weak.lock())
                       self->cancel_one(self->waits_[static_cast<std::size_t>(what)], serial);
               });
    settle();
}

bool stream_core::waiting_for_anything() const noexcept {
    return !needs().empty();
}

need_set stream_core::needs() const noexcept {
    need_set all;
    if (read_.active())
        all.add(need::read);
    if (write_.active())
        all.add(need::write);
    for (const auto one : every_need)
        if (waits_[static_cast<std::size_t>(one)].active())
            all.add(one);
    return all;
}

/// Completes whatever can be completed.
void stream_core::try_all() {
    error_code ec;
    if (read_.active()) {
        const auto count = endpoint_->read(read_buffers_.buffers(), ec);
        if (ec != asio::error::would_block)
            read_.complete(ec, count);
    }
    if (write_.active()) {
        const auto count = endpoint_->write(write_buffers_.buffers(), ec);
        if (ec != asio::error::would_block)
            write_.complete(ec, count);
    }
    for (const auto one : every_need)
        if (auto& slot = waits_[static_cast<std::size_t>(one)];
            slot.active() && endpoint_->ready(one, ec))
            slot.complete(ec);
}

template <class Operation, class... Results>
void stream_core::cancel_one(Operation& operation, std::uint64_t serial, Results... results) {
    if (!operation.active() || operation.serial() != serial)
        return; // it has completed, and another one may be in its place
    operation.complete(asio::error::operation_aborted, results...);
    if (!waiting_for_anything())
        rest();
}

void stream_core::cancel() {
    if (cancel_opening)
        cancel_opening();
    if (read_.active())
        read_.complete(asio::error::operation_aborted, 0);
    if (write_.active())
        write_.complete(asio::error::operation_aborted, 0);
    for (auto& slot : waits_)
        if (slot.active())
            slot.complete(asio::error::operation_aborted);
    rest();
}

void stream_core::close(error_code& ec) {
    ec.clear();
    if (const auto left_over = end_channel())
        withdraw(here_, *left_over, ec);
    if (const auto told = std::exchange(on_close, nullptr))
        told();
}

void stream_core::start_close(wait_handler handler) {
    const auto left_over = end_channel();
    const auto finish = [told = std::exchange(on_close, nullptr)] {
        if (told)
            told();
    };
    if (!left_over) {
        finish();
        return complete_later(executor_, std::move(handler), error_code{});
    }
    const auto result = std::make_shared<error_code>();
    const auto kept = std::make_shared<pending<>>();
    kept->start(executor_, std::move(handler), [](std::uint64_t) {}); // cannot be cancelled
    run_blocking(
        executor_, [result, here = here_, names = *left_over] { withdraw(here, names, *result); },
        [result, kept, finish] {
            finish();
            kept->complete(*result);
        });
}

void stream_core::abort() {
    if (const auto left_over = end_channel(&channel::abort))
        withdraw_later(*left_over);
    if (const auto told = std::exchange(on_close, nullptr))
        told();
}

std::optional<channel_names> stream_core::end_channel(void (channel::*leave)() noexcept) {
    cancel();
    const bool left_sign = watch_.is_open() || watch_refused_;
    watch_.close();
    if (!endpoint_)
        return std::nullopt;
    auto names = endpoint_->wire().names;
    last_statistics_ = endpoint_->counters();
    (endpoint_->wire().*leave)();
    endpoint_.reset();
    if (names.role == ring::vchan_role::client && !left_sign)
        return std::nullopt;
    return names;
}

void stream_core::withdraw_later(const channel_names& names) {
    run_blocking(
        executor_,
        [here = here_, names] {
            error_code ignored; // a key that stays is overwritten by the next server
            withdraw(here, names, ignored);
        },
        nullptr);
}

void stream_core::abandon() {
    const auto read = read_.abandon();
    const auto write = write_.abandon();
    std::array<wait_handler, 4> waits;
    for (std::size_t i = 0; i != waits.size(); ++i)
        waits_[i].abandon().swap(waits[i]);
    const auto told = std::exchange(on_close, nullptr);
    // What the handlers own is destroyed here, and that may be the stream itself.
}

} // namespace xenring::vchan::detail
