#include <xenring/frontend/wait_slot.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace xenring::frontend::detail {

namespace asio = boost::asio;

bool wait_slot::begin(wait_handler handler) {
    if (handler_) {
        const error_code ec = asio::error::already_started;
        asio::post(executor_, asio::append(std::move(handler), ec));
        return false;
    }
    const auto cancellation = asio::get_associated_cancellation_slot(handler);
    handler_.swap(handler); // Boost 1.81 cannot assign one
    if (cancellation.is_connected())
        asio::get_associated_cancellation_slot(handler_).assign(
            [weak = weak_from_this()](asio::cancellation_type) {
                if (const auto self = weak.lock())
                    self->end(asio::error::operation_aborted);
            });
    return true;
}

void wait_slot::end(const error_code& ec) {
    if (!handler_)
        return;
    asio::get_associated_cancellation_slot(handler_).clear();
    asio::post(executor_, asio::append(std::exchange(handler_, nullptr), ec));
}

} // namespace xenring::frontend::detail
