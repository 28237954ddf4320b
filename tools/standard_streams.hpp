// Standard input and output on an executor, whatever they are: terminal, pipe, socket or file.
#pragma once

#include <xenring/grant/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <sys/uio.h>

#include <cstddef>
#include <optional>
#include <span>

namespace xenring::tools {

/// A descriptor of ours for a descriptor that was handed to us. Where it can be polled it is opened
/// anew, so that O_NONBLOCK does not leak into the shell that lent it; where it cannot (regular
/// files never block) it is used as it is.
class borrowed_descriptor {
public:
    borrowed_descriptor(boost::asio::any_io_executor executor, int descriptor, int open_flags);
    borrowed_descriptor(const borrowed_descriptor&) = delete;
    borrowed_descriptor& operator=(const borrowed_descriptor&) = delete;
    ~borrowed_descriptor();

    /// Waits until `wait` is possible; at once for what cannot be polled.
    boost::asio::awaitable<error_code> ready(boost::asio::posix::descriptor_base::wait_type wait);
    /// Ends a ready() under way with operation_aborted, and every later one until renew(): one that
    /// has ended may not have been told to its coroutine yet, which then comes back to wait.
    void cancel() noexcept;
    void renew() noexcept { cancelled_ = false; }
    /// Whether there is something to read now. What a pipe's writer has yet to write is not.
    bool has_more() const noexcept;
    int native_handle() const noexcept { return descriptor_; }

private:
    int descriptor_;
    int restore_flags_ = -1;
    bool cancelled_ = false;
    std::optional<boost::asio::posix::stream_descriptor> pollable_;
};

/// Reads what is there into `buffers`; waits for something. 0: end of file.
boost::asio::awaitable<std::size_t> read_some(borrowed_descriptor& from,
                                              std::span<const iovec> buffers, error_code& ec);

/// Writes some of `buffers`; waits until something can be written. EPIPE: nobody reads any more.
boost::asio::awaitable<std::size_t> write_some(borrowed_descriptor& to,
                                               std::span<const iovec> buffers, error_code& ec);

} // namespace xenring::tools
