// The asynchronous forms of the store's operations.
#include <xenring/grant/impl/directory_listing.hpp>
#include <xenring/grant/impl/store_client.hpp>
#include <xenring/grant/store.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/system_executor.hpp>

#include <memory>
#include <utility>

namespace xenring {
namespace {

namespace asio = boost::asio;
using detail::store_client;
using detail::value_handler;
using store_wire::join;
using store_wire::message_type;

constexpr auto cancelled_by_all = asio::cancellation_type::all;
constexpr auto cancelled_by_terminal = asio::cancellation_type::terminal;

/// A handler for the answer's payload that runs where `handler` would, is cancelled as it would be,
/// and passes on by calling function(handler, ec, payload).
template <class Handler, class Function>
value_handler adapt(Handler handler, const asio::any_io_executor& fallback, Function function) {
    const auto executor = asio::get_associated_executor(handler, fallback);
    const auto slot = asio::get_associated_cancellation_slot(handler);
    return asio::bind_executor(
        executor, asio::bind_cancellation_slot(
                      slot, [handler = std::move(handler), function = std::move(function)](
                                error_code ec, std::string payload) mutable {
                          function(std::move(handler), ec, std::move(payload));
                      }));
}

/// Sends a request about a path, or fails before that.
void start(const std::shared_ptr<store_client>& client, message_type type,
           std::uint32_t transaction, std::string_view path, std::string payload,
           asio::cancellation_type cancelled_by, value_handler handler) {
    error_code ec;
    if (!client)
        detail::complete(asio::system_executor{}, std::move(handler), errc::not_connected, {});
    else if (!detail::check_path(path, ec))
        detail::complete(client->executor(), std::move(handler), ec, {});
    else
        client->async_request(type, transaction, std::move(payload), cancelled_by,
                              std::move(handler));
}

asio::any_io_executor executor_of(const std::shared_ptr<store_client>& client) {
    return client ? client->executor() : asio::any_io_executor{asio::system_executor{}};
}

/// One asynchronous listing; alive as long as a request of it is in flight.
struct listing_operation {
    std::shared_ptr<store_client> client;
    std::uint32_t transaction;
    std::string path;
    detail::directory_listing listing;
};

template <class Handler>
void next_part(std::shared_ptr<listing_operation> operation, Handler handler) {
    auto on_answer = [operation](Handler done, error_code ec, const std::string& payload) {
        if (ec == asio::error::operation_aborted || operation->listing.take(payload, ec))
            std::move(done)(ec, operation->listing.take_names());
        else
            next_part(operation, std::move(done));
    };
    const auto executor = executor_of(operation->client);
    start(operation->client, operation->listing.next_type(), operation->transaction,
          operation->path, operation->listing.next_payload(), cancelled_by_all,
          adapt(std::move(handler), executor, std::move(on_answer)));
}

} // namespace

void store_operations::start_read(client_pointer client, std::uint32_t transaction,
                                  std::string path, value_handler handler) {
    start(client, message_type::read, transaction, path, join({path}), cancelled_by_all,
          std::move(handler));
}

void store_operations::start_write(client_pointer client, std::uint32_t transaction,
                                   std::string path, std::string value, done_handler handler) {
    start(client, message_type::write, transaction, path, join({path}) + value,
          cancelled_by_terminal,
          adapt(std::move(handler), executor_of(client),
                [](done_handler done, error_code ec, const std::string&) { std::move(done)(ec); }));
}

void store_operations::start_remove(client_pointer client, std::uint32_t transaction,
                                    std::string path, done_handler handler) {
    start(client, message_type::remove, transaction, path, join({path}), cancelled_by_terminal,
          adapt(std::move(handler), executor_of(client),
                [](done_handler done, error_code ec, const std::string&) { std::move(done)(ec); }));
}

void store_operations::start_directory(client_pointer client, std::uint32_t transaction,
                                       std::string path, names_handler handler) {
    auto operation = std::make_shared<listing_operation>(
        listing_operation{std::move(client), transaction, path, detail::directory_listing{path}});
    next_part(std::move(operation), std::move(handler));
}

} // namespace xenring
