// A vchan as an Asio stream: bytes between two domains through shared memory.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/ring/byte_ring.hpp>
#include <xenring/ring/vchan_page.hpp>
#include <xenring/vchan/buffer_list.hpp>
#include <xenring/vchan/erased_handler.hpp>
#include <xenring/vchan/options.hpp>
#include <xenring/vchan/statistics.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace xenring::vchan {

namespace detail {
class stream_core;
class accept_operation;
} // namespace detail

/// What stream::wait() waits for.
enum class wait_type {
    read,      ///< bytes to read, or the end
    write,     ///< space to write to
    connected, ///< server: a client; a client's end is connected as soon as it is open
};

/// One end of a vchan, wire-compatible with libxenvchan on either side. Meets AsyncReadStream,
/// AsyncWriteStream, SyncReadStream and SyncWriteStream, so that boost::asio::read() and
/// async_write(), TLS and HTTP work over it.
///
///     vchan::stream peer{here};
///     peer.connect(domid{0}, "echo");
///     boost::asio::write(peer, boost::asio::buffer("hello", 5));
///
/// How it ends. Everything that the peer wrote is delivered first; then each read gives, for ever:
///
///     boost::asio::error::eof     the peer closed (writes give errc::peer_closed)
///     errc::peer_process_died     the peer's process ended without closing, or aborted
///     errc::peer_domain_died      the peer's domain is gone: noticed within a second
///     errc::ring_corrupt          the peer's ring indices are impossible (XSA-86)
///     errc::bad_live_byte         the peer's live byte means nothing
///
/// A libxenvchan client that is killed cannot be told from one that closed: that is eof. Compare
/// with condition::peer_gone and condition::peer_misbehaved where the difference is of no interest.
///
/// Throwing overloads throw xenring::error. Synchronous calls need no running io_context. Handlers
/// are called on their associated executor, by default the stream's, and never from within the call
/// that started the operation. At most one operation of a kind at a time: another read while one
/// is under way ends with boost::asio::error::already_started. Operations support cancellation of
/// every type, and nothing is lost by it.
///
/// Thread safety: distinct objects are safe; a shared one needs a strand, which may be the stream's
/// executor. Reading, writing and waiting allocate no memory once Asio has what it
/// recycles; asynchronously that holds on the executor of an io_context.
///
/// A hostile peer can end the stream with the errors above, send any bytes, and raise events for
/// nothing, each of which costs one look. It can neither make a call fail to return nor reach
/// memory outside the rings.
class stream {
public:
    using executor_type = boost::asio::any_io_executor;
    using lowest_layer_type = stream;

    /// A stream that is not open, on the domain's executor or another one.
    explicit stream(domain here);
    stream(executor_type executor, domain here);
    /// A moved-from stream may only be assigned to and destroyed.
    stream(stream&&) noexcept;
    stream& operator=(stream&&) noexcept;
    /// Closes.
    ~stream();

    executor_type get_executor() const noexcept;
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    /// Connects to the server at `path` (see path.hpp) in domain `server`; for options.wait also to
    /// one that is not there yet or is busy; once that is over, the error is what the last try met.
    /// Errors: errc::server_keys_missing, errc::server_keys_malformed, errc::channel_busy,
    /// errc::bad_geometry, errc::bad_live_byte, errc::loopback_refused, errc::path_too_long; the
    /// hypervisor's and the store's; boost::asio::error::already_connected if this stream is open;
    /// errc::timed_out, asynchronously, if the store did not answer within options.wait.
    void connect(domid server, std::string_view path, const options& chosen, error_code& ec);
    void connect(domid server, std::string_view path, const options& chosen = {});
    template <class Token>
    auto async_connect(domid server, std::string_view path, const options& chosen, Token&& token) {
        return async_open(ring::vchan_role::client, server, path, chosen,
                          std::forward<Token>(token));
    }

    /// Announces a server for one client in domain `client` and is open at once: what is written
    /// before the client comes is kept for it. Close removes the announcement. For one client after
    /// another see acceptor. Errors: errc::bad_geometry, errc::loopback_refused,
    /// errc::path_too_long, errc::grant_limit, errc::store_refused, errc::store_quota; the
    /// hypervisor's and the store's.
    void listen(domid client, std::string_view path, const options& chosen, error_code& ec);
    void listen(domid client, std::string_view path, const options& chosen = {});
    template <class Token>
    auto async_listen(domid client, std::string_view path, const options& chosen, Token&& token) {
        return async_open(ring::vchan_role::server, client, path, chosen,
                          std::forward<Token>(token));
    }

    /// Reads at least one byte, into up to 16 buffers; 0 only if all of them are empty.
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers, error_code& ec) {
        return read_now(detail::mutable_buffers{buffers}, ec);
    }
    template <class MutableBufferSequence>
    std::size_t read_some(const MutableBufferSequence& buffers) {
        error_code ec;
        const auto count = read_now(detail::mutable_buffers{buffers}, ec);
        throw_if(ec, "vchan read");
        return count;
    }
    template <class MutableBufferSequence, class Token>
    auto async_read_some(const MutableBufferSequence& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, stream* self, detail::mutable_buffers list) {
                self->start_read(list,
                                 detail::erased<void(error_code, std::size_t)>(std::move(handler)));
            },
            token, this, detail::mutable_buffers{buffers});
    }

    /// Writes at least one byte, from up to 16 buffers; 0 only if all of them are empty.
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers, error_code& ec) {
        return write_now(detail::const_buffers{buffers}, ec);
    }
    template <class ConstBufferSequence>
    std::size_t write_some(const ConstBufferSequence& buffers) {
        error_code ec;
        const auto count = write_now(detail::const_buffers{buffers}, ec);
        throw_if(ec, "vchan write");
        return count;
    }
    template <class ConstBufferSequence, class Token>
    auto async_write_some(const ConstBufferSequence& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, stream* self, detail::const_buffers list) {
                self->start_write(
                    list, detail::erased<void(error_code, std::size_t)>(std::move(handler)));
            },
            token, this, detail::const_buffers{buffers});
    }

    /// Space in the ring to write to in place, at most `want` bytes in up to two spans; never
    /// waits: would_block if there is none. commit() sends the first `count` bytes of it. The peer
    /// can read the space at any time, so do not put there what it must not see.
    ring::byte_spans prepare(std::size_t want, error_code& ec) noexcept;
    void commit(std::size_t count) noexcept;

    /// What has arrived, in place; never waits: would_block if nothing has. consume() takes the
    /// first `count` bytes. The peer can change the bytes until then: do not parse them twice.
    ring::const_byte_spans data(error_code& ec) noexcept;
    void consume(std::size_t count) noexcept;

    /// Waits until something can be done without waiting, or never will: then ec says why.
    void wait(wait_type what, error_code& ec);
    void wait(wait_type what);
    template <class Token>
    auto async_wait(wait_type what, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, stream* self, wait_type which) {
                self->start_wait(which, detail::erased<void(error_code)>(std::move(handler)));
            },
            token, this, what);
    }

    /// Waits until the peer has taken every byte that was written. If it leaves before, ec is
    /// errc::peer_closed or says how it died.
    void drain(error_code& ec);
    void drain();
    template <class Token>
    auto async_drain(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, stream* self) {
                self->start_drain(detail::erased<void(error_code)>(std::move(handler)));
            },
            token, this);
    }

    /// With true, synchronous calls that would sleep end with would_block instead. How a
    /// libxenvchan server left, which takes half a second to find out, later calls tell.
    bool non_blocking() const noexcept;
    void non_blocking(bool mode) noexcept;

    /// Ends what is under way with operation_aborted; the stream stays open.
    void cancel();

    /// Leaves in order. What is under way ends with operation_aborted. What was written stays
    /// readable by the peer. A server also removes its keys from the store, which takes some
    /// milliseconds on Xen; ec says if that failed, and the stream is closed all the same. It may
    /// be opened again afterwards.
    void close(error_code& ec);
    void close();
    /// The same without blocking on the store: void(error_code), once the keys are gone. The
    /// channel itself is closed when this returns. Cannot be cancelled.
    template <class Token>
    auto async_close(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, stream* self) { self->start_close(std::move(handler)); }, token, this);
    }

    /// Leaves as a process that dies does, for a sender that cannot send what it was to send: once
    /// the peer has read what was written, it gets errc::peer_process_died, not an end that looks
    /// orderly; libxenvchan cannot tell the two apart. What is under way ends with
    /// operation_aborted. Does not wait for the store, from which a server's keys are removed in
    /// the background: run the executor for that.
    void abort();

    /// Whether it was opened and not closed; it still is after the peer has left.
    bool is_open() const noexcept;
    /// Whether the peer is there now.
    bool peer_connected() noexcept;

    /// Preconditions of these: is_open().
    domid peer() const noexcept;
    ring::vchan_role role() const noexcept;
    const std::string& path() const noexcept; ///< the absolute base path
    std::size_t readable() noexcept;          ///< bytes that can be read now
    std::size_t writable() noexcept;          ///< bytes that can be written now
    std::size_t read_capacity() const noexcept;
    std::size_t write_capacity() const noexcept;

    /// Of the channel that is open, or of the last one.
    statistics stats() const noexcept;

private:
    friend class acceptor;
    friend class detail::accept_operation;
    using io_handler = boost::asio::any_completion_handler<void(error_code, std::size_t)>;
    using wait_handler = boost::asio::any_completion_handler<void(error_code)>;

    template <class Token>
    auto async_open(ring::vchan_role role, domid peer, std::string_view path, const options& chosen,
                    Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, stream* self, ring::vchan_role as, domid other, std::string where,
               options how) { self->start_open(as, other, where, how, std::move(handler)); },
            token, this, role, peer, std::string{path}, chosen);
    }

    void open(ring::vchan_role role, domid peer, std::string_view path, const options& chosen,
              error_code& ec);
    void start_open(ring::vchan_role role, domid peer, std::string_view path, const options& chosen,
                    wait_handler handler);
    std::size_t read_now(const detail::mutable_buffers& buffers, error_code& ec);
    std::size_t write_now(const detail::const_buffers& buffers, error_code& ec);
    void start_read(const detail::mutable_buffers& buffers, io_handler handler);
    void start_write(const detail::const_buffers& buffers, io_handler handler);
    void start_wait(wait_type what, wait_handler handler);
    void start_close(wait_handler handler);
    void start_drain(wait_handler handler);

    std::shared_ptr<detail::stream_core> core_;
};

} // namespace xenring::vchan
