#pragma once

/// A place for one operation that waits.

#include <xenring/grant/error.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace xenring::frontend::detail {

/// Holds the handler of a wait, which every cancellation type ends. Thread safety: everything on
/// the executor.
class wait_slot : public std::enable_shared_from_this<wait_slot> {
public:
    using wait_handler = boost::asio::any_completion_handler<void(error_code)>;

    explicit wait_slot(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}

    bool waits() const noexcept { return static_cast<bool>(handler_); }
    /// False if another one waits; then this one ends with already_started.
    bool begin(wait_handler handler);
    /// Posts the handler, if there is one.
    void end(const error_code& ec);

private:
    boost::asio::any_io_executor executor_;
    wait_handler handler_;
};

} // namespace xenring::frontend::detail
