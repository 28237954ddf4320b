// How a completion handler of any type is kept.
#pragma once

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <type_traits>
#include <utility>

namespace xenring::vchan::detail {

/// The executor behind a polymorphic one if it is an io_context's, which it is as a rule. One
/// polymorphic executor within another takes memory for each operation; this one within it fits.
inline const boost::asio::io_context::executor_type*
usual_executor(const boost::asio::any_io_executor& executor) noexcept {
    return executor.target<boost::asio::io_context::executor_type>();
}

/// An executor in the form in which an erased handler gives its own.
inline boost::asio::any_completion_executor
completion_form(const boost::asio::any_io_executor& executor) {
    if (const auto* const usual = usual_executor(executor))
        return *usual;
    return executor;
}

/// The handler itself, without the executors that are bound to it: bind_executor() of Boost 1.81
/// does not compile for one that is bound already.
template <class Handler>
Handler& unbound(Handler& handler) noexcept {
    return handler;
}
template <class Handler, class Executor>
auto& unbound(boost::asio::executor_binder<Handler, Executor>& bound) noexcept {
    return unbound(bound.get());
}

/// A handler without its type, such that using it takes no memory: coroutines have a polymorphic
/// executor.
template <class Signature, class Handler>
boost::asio::any_completion_handler<Signature> erased(Handler handler) {
    const auto executor = boost::asio::get_associated_executor(handler);
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(executor)>,
                                 boost::asio::any_io_executor>)
        if (const auto* const usual = usual_executor(executor))
            return boost::asio::bind_executor(*usual, std::move(unbound(handler)));
    return handler;
}

} // namespace xenring::vchan::detail
