// An asynchronous operation that waits: its handler, and how it is cancelled.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/vchan/erased_handler.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

#include <cstdint>
#include <utility>

namespace xenring::vchan::detail {

/// Runs a function on an executor, never from within the caller. An any_completion_executor cannot
/// be asked for that (Boost 1.81: it knows no blocking property, and prefer() is silent about it),
/// but what is within can if it is an io_context's; else the way leads over `io`.
template <class Function>
void run_later(const boost::asio::any_io_executor& io,
               const boost::asio::any_completion_executor& executor, Function function) {
    using boost::asio::execution::blocking;
    using usual = boost::asio::io_context::executor_type;
    using working = decltype(boost::asio::prefer(std::declval<usual>(),
                                                 boost::asio::execution::outstanding_work.tracked));
    if (const auto* const plain = executor.target<usual>())
        boost::asio::require(*plain, blocking.never).execute(std::move(function));
    else if (const auto* const busy = executor.target<working>())
        boost::asio::require(*busy, blocking.never).execute(std::move(function));
    else
        boost::asio::post(io, [executor, function = std::move(function)]() mutable {
            executor.execute(std::move(function));
        });
}

/// Calls `handler` on `executor`, never from within the caller.
template <class... Results>
void call_later(const boost::asio::any_io_executor& io,
                const boost::asio::any_completion_executor& executor,
                boost::asio::any_completion_handler<void(error_code, Results...)> handler,
                error_code ec, Results... results) {
    run_later(io, executor,
              [handler = std::move(handler), ec, ... results = std::move(results)]() mutable {
                  std::move(handler)(ec, std::move(results)...);
              });
}

/// The same, on the handler's own executor.
template <class... Results>
void complete_later(const boost::asio::any_io_executor& io,
                    boost::asio::any_completion_handler<void(error_code, Results...)> handler,
                    error_code ec, Results... results) {
    const auto executor =
        boost::asio::prefer(boost::asio::get_associated_executor(handler, completion_form(io)),
                            boost::asio::execution::outstanding_work.tracked);
    call_later(io, executor, std::move(handler), ec, std::move(results)...);
}

/// Room for one operation of a kind. Not thread-safe; belongs to one executor.
template <class... Results>
class pending {
public:
    using handler_type = boost::asio::any_completion_handler<void(error_code, Results...)>;

    bool active() const noexcept { return bool(handler_); }
    /// Grows with every operation: tells a late cancellation that it means an earlier one.
    std::uint64_t serial() const noexcept { return serial_; }

    /// Keeps the handler, and its executor busy. cancel(serial) is called, on `fallback`, when the
    /// operation is cancelled. Precondition: !active().
    template <class Cancel>
    void start(const boost::asio::any_io_executor& fallback, handler_type handler, Cancel cancel) {
        ++serial_;
        io_ = fallback;
        work_ = boost::asio::prefer(
            boost::asio::get_associated_executor(handler, completion_form(fallback)),
            boost::asio::execution::outstanding_work.tracked);
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        handler_.swap(handler); // Boost 1.81 cannot move-assign it: that recurses without end
        if (slot.is_connected())
            slot.assign([fallback, cancel, serial = serial_](boost::asio::cancellation_type type) {
                if (type != boost::asio::cancellation_type::none)
                    boost::asio::post(fallback, [cancel, serial] { cancel(serial); });
            });
    }

    /// Ends the operation. Precondition: active().
    void complete(error_code ec, Results... results) {
        boost::asio::get_associated_cancellation_slot(handler_).clear();
        const auto io = std::move(io_);
        const auto work = std::move(work_);
        auto handler = std::move(handler_);
        call_later(io, work, std::move(handler), ec, std::move(results)...);
    }

    /// Takes the handler, to be destroyed without a call.
    handler_type abandon() {
        io_ = {};
        work_ = {};
        return std::move(handler_);
    }

private:
    handler_type handler_;
    boost::asio::any_io_executor io_;
    boost::asio::any_completion_executor work_;
    std::uint64_t serial_ = 0;
};

} // namespace xenring::vchan::detail
