// A vchan server that takes one client after another.
#pragma once

#include <xenring/vchan/stream.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace xenring::vchan {

namespace detail {
struct accept_place;
}

/// Accepts the clients of one domain at one path, one after another.
///
/// Every client gets pages and a port of its own. Xen and libxenvchan would let the next client use
/// the last one's, where it finds old indices and old bytes, and where a quick change of clients
/// goes unseen. So accept() announces fresh pages, and since a client of libxenvchan reads the two
/// keys separately, it does so only once the stream that it gave out before is closed: two
/// generations of keys are never there at a time. For several clients at once use several paths.
///
/// Thread safety: as stream. One accept at a time.
class acceptor {
public:
    using executor_type = boost::asio::any_io_executor;

    /// Checks and remembers; nothing is announced before the first accept. Throws xenring::error:
    /// errc::loopback_refused, errc::bad_geometry, errc::path_too_long, invalid_argument.
    acceptor(domain here, domid client, std::string_view path, const options& chosen = {});
    acceptor(acceptor&&) noexcept;
    acceptor& operator=(acceptor&&) noexcept;
    /// Ends an accept that is under way; streams that were given out stay as they are.
    ~acceptor();

    executor_type get_executor() const noexcept;
    /// The absolute base path.
    const std::string& path() const noexcept;

    /// Announces the channel and waits for a client. A client that has come, written and left
    /// already is a client: its stream has its bytes and then the end. So is one that breaks the
    /// wire's rules before it connects: its stream's reads say how. What a client does is therefore
    /// never an error of accept(), and a loop of accepts survives it.
    ///
    /// Blocking, so the stream before must have been closed: otherwise errc::channel_busy. Errors:
    /// stream::listen()'s. After any of them accept() may be called again; after
    /// condition::resource_exhausted it is worth while, once something was given back:
    /// errc::grant_limit may mean that clients of before still map the pages of theirs.
    stream accept(error_code& ec);
    stream accept();

    /// The same: void(error_code, stream). Waits until the stream before is closed.
    /// already_started if an accept is under way. Supports every type of cancellation; cancelling
    /// takes the announcement back.
    template <class Token>
    auto async_accept(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, stream)>(
            [](auto handler, acceptor* self) { self->start_accept(std::move(handler)); }, token,
            this);
    }

    /// Ends an accept that is under way with operation_aborted.
    void cancel();

private:
    using accept_handler = boost::asio::any_completion_handler<void(error_code, stream)>;
    void start_accept(accept_handler handler);

    std::shared_ptr<detail::accept_place> place_;
};

} // namespace xenring::vchan
