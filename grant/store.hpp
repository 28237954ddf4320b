// The store client: read, write, remove, list, watch and transact in xenstore.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/store_permissions.hpp>
#include <xenring/grant/store_pipe.hpp>
#include <xenring/grant/store_wire.hpp>
#include <xenring/grant/types.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenring {

namespace detail {
class store_client;
}
class store_transaction;
class store_watch;

/// What can be asked of the store, outside a transaction (class store) or inside one (class
/// store_transaction): the same names, so that a function which takes store_operations& works with
/// both.
///
/// Paths are absolute, or relative to the own /local/domain/DOMID; they are sent as given. A path
/// that the wire cannot carry is EINVAL or errc::path_too_long before anything is sent.
///
/// The plain calls send a request and wait for its answer: about a millisecond on real Xen, so
/// never on a thread that moves data. They need no running io_context. Each has an overload that
/// sets ec and one that throws xenring::error, whose what() names operation and path.
///
/// Errors, all of them: the store's own, as errno (ENOENT, EACCES, ENOSPC and EDQUOT for quotas,
/// E2BIG, EINVAL, EAGAIN); errc::store_gone once the connection ended; errc::store_protocol when
/// the store broke its protocol; errc::not_connected on a moved-from object.
///
/// A hostile peer can put anything (up to 4096 bytes, NULs too) in a node that it may write, and
/// can change or remove it between two calls: check what was read, and read once.
///
/// Thread safety: all members may be called from any thread at once, also on several objects that
/// came from one store.
class store_operations {
public:
    /// The value of a node.
    std::string read(std::string_view path, error_code& ec) const;
    std::string read(std::string_view path) const;

    /// The values of several nodes, or why not, in the order of the paths. Not at one moment, but
    /// in the time of one answer where the connection takes several requests at once.
    struct read_result {
        std::string value;
        error_code ec;
    };
    std::vector<read_result> read_each(std::span<const std::string> paths) const;

    /// Sets a node's value; makes the node, and missing parents, with the permissions of the
    /// nearest parent that exists. ENOSPC: quota.
    void write(std::string_view path, std::string_view value, error_code& ec);
    void write(std::string_view path, std::string_view value);

    /// Makes an empty node if there is none.
    void mkdir(std::string_view path, error_code& ec);
    void mkdir(std::string_view path);

    /// Removes a node and everything under it. Fine if it is not there but its parent is.
    void remove(std::string_view path, error_code& ec);
    void remove(std::string_view path);

    /// The names of a node's children. Directories that do not fit into one message are fetched in
    /// parts; a directory that keeps changing meanwhile is EAGAIN.
    std::vector<std::string> directory(std::string_view path, error_code& ec) const;
    std::vector<std::string> directory(std::string_view path) const;

    /// Whether there is a node that we may read; ENOENT is the answer false, not an error.
    bool exists(std::string_view path, error_code& ec) const;
    bool exists(std::string_view path) const;

    /// Who may do what with a node, its owner first.
    store_permissions get_permissions(std::string_view path, error_code& ec) const;
    store_permissions get_permissions(std::string_view path) const;

    /// Replaces a node's permissions, owner first. We must own the node. A first entry that names a
    /// domain which does not exist is refused, a later one accepted.
    void set_permissions(std::string_view path, const store_permissions& permissions,
                         error_code& ec);
    void set_permissions(std::string_view path, const store_permissions& permissions);

    /// "/local/domain/N", whether or not that domain exists.
    std::string get_domain_path(domid domain, error_code& ec) const;
    std::string get_domain_path(domid domain) const;

    /// Whether this object may be used: not moved from, and the connection is there.
    bool is_open() const noexcept;

    /// The asynchronous forms. Handlers run on their associated executor, by default the store's.
    /// Cancellation: read and directory by every type, write and remove by
    /// cancellation_type::terminal only, since the store may still do what was asked. A cancelled
    /// operation ends with boost::asio::error::operation_aborted. In-flight operations are many to
    /// a connection; the store answers them in order.
    template <class Token>
    auto async_read(std::string_view path, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::string)>(
            [](auto handler, std::shared_ptr<detail::store_client> client, std::uint32_t id,
               std::string where) {
                start_read(std::move(client), id, std::move(where), std::move(handler));
            },
            token, client_, transaction_, std::string{path});
    }
    template <class Token>
    auto async_write(std::string_view path, std::string_view value, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::store_client> client, std::uint32_t id,
               std::string where, std::string what) {
                start_write(std::move(client), id, std::move(where), std::move(what),
                            std::move(handler));
            },
            token, client_, transaction_, std::string{path}, std::string{value});
    }
    template <class Token>
    auto async_remove(std::string_view path, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::store_client> client, std::uint32_t id,
               std::string where) {
                start_remove(std::move(client), id, std::move(where), std::move(handler));
            },
            token, client_, transaction_, std::string{path});
    }
    template <class Token>
    auto async_directory(std::string_view path, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::vector<std::string>)>(
            [](auto handler, std::shared_ptr<detail::store_client> client, std::uint32_t id,
               std::string where) {
                start_directory(std::move(client), id, std::move(where), std::move(handler));
            },
            token, client_, transaction_, std::string{path});
    }

protected:
    store_operations() noexcept = default;
    store_operations(std::shared_ptr<detail::store_client> client,
                     std::uint32_t transaction) noexcept;
    store_operations(store_operations&&) noexcept = default;
    store_operations& operator=(store_operations&&) noexcept = default;
    ~store_operations() = default;

    using client_pointer = std::shared_ptr<detail::store_client>;

    std::string ask(store_wire::message_type type, std::string_view path, std::string_view argument,
                    error_code& ec) const;

    using value_handler = boost::asio::any_completion_handler<void(error_code, std::string)>;
    using done_handler = boost::asio::any_completion_handler<void(error_code)>;
    using names_handler =
        boost::asio::any_completion_handler<void(error_code, std::vector<std::string>)>;

    static void start_read(client_pointer client, std::uint32_t transaction, std::string path,
                           value_handler handler);
    static void start_write(client_pointer client, std::uint32_t transaction, std::string path,
                            std::string value, done_handler handler);
    static void start_remove(client_pointer client, std::uint32_t transaction, std::string path,
                             done_handler handler);
    static void start_directory(client_pointer client, std::uint32_t transaction, std::string path,
                                names_handler handler);

    client_pointer client_;
    std::uint32_t transaction_ = 0;
};

/// A connection to the store. Move-only. Several objects (streams, devices) on different strands
/// may share one: it is locked inside, and it multiplexes by request number.
///
/// Destroying it ends the operations in flight and the waits of its watches with
/// boost::asio::error::operation_aborted, and disconnects; the store then forgets this connection's
/// watches and transactions. Like every I/O object it must be destroyed before its execution
/// context. Watches and transactions may outlive it; all that is done with them then fails.
///
/// When the connection ends by itself, everything in flight and every watch ends with
/// errc::store_gone, and so does every later call. Open another one; nothing is re-armed.
class store : public store_operations {
public:
    using executor_type = boost::asio::any_io_executor;

    store() noexcept = default;
    /// Precondition: pipe is not null.
    store(executor_type executor, std::unique_ptr<store_pipe> pipe);
    store(store&&) noexcept = default;
    store& operator=(store&&) noexcept;
    ~store();

    /// Precondition: not moved from.
    executor_type get_executor() const;

    /// Watches a node and everything under it, or @introduceDomain or @releaseDomain. The node need
    /// not exist. Fires once at once. Errors: E2BIG or ENOSPC or EDQUOT for the quota (128).
    store_watch watch(std::string_view path, error_code& ec);
    store_watch watch(std::string_view path);

    /// Starts a transaction. ENOSPC or EDQUOT: as many as a domain may have (10) are open already;
    /// see transact(), which waits and tries again.
    store_transaction begin(error_code& ec);
    store_transaction begin();
};

} // namespace xenring
