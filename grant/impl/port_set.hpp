// The half of port_set.hpp that must know the completion token: one wait as a composed operation.
#pragma once

#include <xenring/grant/port_set.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <atomic>

namespace xenring::detail {

using wake_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>,
                                      boost::asio::any_io_executor>;

/// One port of a set. `wake` never expires: waits rest on it, and cancelling it wakes them. The
/// waits thereby belong to Asio, which knows what to do with them when a context goes away.
struct port_record {
    port_record(port own, const boost::asio::any_io_executor& executor)
        : number{own}, wake{executor, wake_timer::time_point::max()} {}

    const port number;
    std::atomic<std::uint64_t> events{0};
    bool masked = false; // guarded by the set's mutex, as are the two below
    bool closed = false;
    std::uint64_t cancellations = 0;
    wake_timer wake;
};

/// What a wait finds when it looks: finished with `result`, or parked.
struct wait_verdict {
    bool finished = false;
    error_code result = {};
};

/// A wait has begun; returns what record.cancellations must still be for it to go on.
std::uint64_t begin_wait(port_set_state& set, port_record& record);
void end_wait(port_set_state& set);

/// Looks, and if there is nothing yet unmasks the port and calls park(argument, record.wake): all
/// in one step under the set's mutex, so that no event falls between.
using park_function = void (*)(void*, wake_timer&);
wait_verdict look_or_park(port_set_state& set, port_record& record, event_ticket ticket,
                          std::uint64_t cancellations, park_function park, void* argument);

struct wait_operation {
    std::shared_ptr<port_set_state> set;
    std::shared_ptr<port_record> record;
    event_ticket ticket;
    std::uint64_t cancellations = 0;
    enum { starting, parked, finishing } stage = starting;
    error_code result = {};

    template <class Self>
    void operator()(Self& self, error_code = {}) {
        namespace asio = boost::asio;
        if (stage == starting) {
            self.reset_cancellation_state(asio::enable_total_cancellation());
            cancellations = begin_wait(*set, *record);
        } else if (stage == finishing) {
            return finish(self);
        } else if (self.cancelled() != asio::cancellation_type::none) {
            result = asio::error::operation_aborted;
            return finish(self);
        }
        const bool first = stage == starting;
        stage = parked;
        // look_or_park moves `self`, and *this with it, only if it parks.
        auto keep_set = set;
        auto keep_record = record;
        const auto verdict = look_or_park(
            *keep_set, *keep_record, ticket, cancellations,
            [](void* operation, wake_timer& wake) {
                wake.async_wait(std::move(*static_cast<Self*>(operation)));
            },
            &self);
        if (!verdict.finished)
            return;
        result = verdict.result;
        if (!first)
            return finish(self);
        stage = finishing;
        asio::post(keep_record->wake.get_executor(), std::move(self));
    }

    template <class Self>
    void finish(Self& self) {
        end_wait(*set);
        const auto code = result;
        set.reset();
        record.reset();
        self.complete(code);
    }
};

} // namespace xenring::detail

namespace xenring {

template <class CompletionToken>
auto bound_port::async_wait(event_ticket ticket, CompletionToken&& token) {
    return boost::asio::async_compose<CompletionToken, void(error_code)>(
        detail::wait_operation{.set = set_, .record = record_, .ticket = ticket}, token,
        record_->wake.get_executor());
}

} // namespace xenring
