// How bytes reach the store: the transport under the store client.
#pragma once

#include <xenring/grant/error.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace xenring {

/// A connection to the store as a non-blocking byte stream: xenstored's socket, /dev/xen/xenbus, or
/// a store in the same process. It carries xenstore's wire protocol (docs/misc/xenstore.txt,
/// xen/io/xs_wire.h) and knows nothing of it. Not thread-safe: the store client locks around it.
class store_pipe {
public:
    store_pipe() = default;
    store_pipe(const store_pipe&) = delete;
    store_pipe& operator=(const store_pipe&) = delete;
    virtual ~store_pipe();

    /// A descriptor that polls readable whenever read_some has bytes or the end to report, and
    /// writable whenever write_some, having said would_block, is worth trying again. Owned by the
    /// pipe, valid as long as it.
    virtual int native_handle() const noexcept = 0;

    /// Writes as much as fits now; returns how much. Give it bytes of one message at a time: Linux'
    /// /dev/xen/xenbus forgets what follows a message within one write (xenbus_dev_frontend.c).
    /// boost::asio::error::would_block: nothing fits; boost::asio::error::broken_pipe: the
    /// connection ended. Any other error is the answer to this message, which is then gone: so
    /// Linux refuses a watch.
    virtual std::size_t write_some(std::span<const std::byte> bytes, error_code& ec) noexcept = 0;

    /// Whether a request may be written only once the one before is answered. So it is on Linux'
    /// device, for two reasons (xenbus_dev_frontend.c). It keeps the body of a request in the one
    /// buffer of the file until its thread has sent it, and answers write() before
    /// (xenbus_dev_request_and_reply): the next write() changes what is sent. And a WATCH or
    /// UNWATCH that is written while an older answer is outstanding takes the store from the whole
    /// domain for good: write() holds the file's lock until xenstored has answered, and the kernel
    /// thread that would bring the answer first has to deliver the older one, for which it needs
    /// that lock (xenbus_file_write and xenbus_dev_queue_reply).
    virtual bool one_request_at_a_time() const noexcept { return false; }

    /// Reads what is there. boost::asio::error::would_block: nothing is there;
    /// boost::asio::error::eof: the store closed the connection.
    virtual std::size_t read_some(std::span<std::byte> bytes, error_code& ec) noexcept = 0;
};

/// A store_pipe over a descriptor: a connected unix stream socket, or /dev/xen/xenbus.
class fd_store_pipe final : public store_pipe {
public:
    /// Takes the descriptor, makes it non-blocking and close-on-exec, and closes it at the end.
    explicit fd_store_pipe(int descriptor) noexcept;
    ~fd_store_pipe() override;

    int native_handle() const noexcept override { return descriptor_; }
    bool one_request_at_a_time() const noexcept override { return !is_socket_; }
    std::size_t write_some(std::span<const std::byte> bytes, error_code& ec) noexcept override;
    std::size_t read_some(std::span<std::byte> bytes, error_code& ec) noexcept override;

private:
    int descriptor_;
    bool is_socket_;
};

/// Opens a store at a path: a unix socket is connected to, a character device is opened. Errors:
/// errno (ENOENT, EACCES, ECONNREFUSED), errc::socket_path_too_long over 107 bytes.
std::unique_ptr<store_pipe> open_store_pipe(const std::string& path, error_code& ec);

} // namespace xenring
