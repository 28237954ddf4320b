// The stand-in's store on a unix socket, where libxenstore and the xenstore-* tools find it.
#pragma once

#include <xenring/grant/local/store_server.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace xenring::local {

/// Serves a store to whoever connects to a unix stream socket; each of them is the one domain that
/// the listener is for, so one listener a domain. XENSTORED_PATH=PATH points Xen's own clients at
/// it. Who may connect is up to the directory's permissions.
///
/// Runs on the executor, which may have many threads. Destroying or closing it ends its connections
/// and removes the socket. Thread-safe. Must be destroyed before its execution context.
class store_listener {
public:
    /// Replaces a socket that is left over at `path`. Errors: errno of bind;
    /// errc::socket_path_too_long over 107 bytes. After an error the listener is closed.
    store_listener(boost::asio::any_io_executor executor, std::shared_ptr<store_server> server,
                   domid domain, std::string path, error_code& ec);
    store_listener(store_listener&&) noexcept = default;
    store_listener& operator=(store_listener&&) = delete;
    ~store_listener();

    void close() noexcept;

private:
    class state;
    std::shared_ptr<state> state_;
};

} // namespace xenring::local
