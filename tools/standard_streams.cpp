#include "standard_streams.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace xenring::tools {
namespace asio = boost::asio;
namespace {

bool never_blocks(int descriptor) {
    struct stat about {};
    return ::fstat(descriptor, &about) == 0 && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode));
}

/// A file description of our own for the same pipe or terminal, or -1 (sockets have none).
int reopen(int descriptor, int flags) {
    const auto path = "/proc/self/fd/" + std::to_string(descriptor);
    return ::open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

} // namespace

borrowed_descriptor::borrowed_descriptor(asio::any_io_executor executor, int descriptor,
                                         int open_flags)
    : descriptor_{descriptor} {
    const int mode = ::fcntl(descriptor, F_GETFL) & O_ACCMODE;
    if (never_blocks(descriptor) || (mode != open_flags && mode != O_RDWR))
        return; // nothing to poll; or not for this use, which reading or writing it then says
    int own = reopen(descriptor, open_flags);
    if (own < 0) {
        restore_flags_ = ::fcntl(descriptor, F_GETFL);
        ::fcntl(descriptor, F_SETFL, restore_flags_ | O_NONBLOCK);
        own = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    }
    pollable_.emplace(executor);
    error_code ec;
    pollable_->assign(own, ec);
    if (ec) {
        ::close(own);
        pollable_.reset();
        return;
    }
    if (restore_flags_ < 0)
        descriptor_ = own;
}

borrowed_descriptor::~borrowed_descriptor() {
    if (restore_flags_ >= 0)
        ::fcntl(descriptor_, F_SETFL, restore_flags_);
}

void borrowed_descriptor::cancel() noexcept {
    cancelled_ = true;
    error_code ignored; // nothing to do about it
    if (pollable_)
        pollable_->cancel(ignored);
}

bool borrowed_descriptor::has_more() const noexcept {
    int count = 0; // of a large file only the low bits: not 0, but perhaps negative
    return ::ioctl(descriptor_, FIONREAD, &count) == 0 && count != 0;
}

asio::awaitable<error_code>
borrowed_descriptor::ready(asio::posix::descriptor_base::wait_type wait) {
    error_code ec;
    if (cancelled_)
        ec = asio::error::operation_aborted;
    else if (pollable_)
        co_await pollable_->async_wait(wait, asio::redirect_error(asio::use_awaitable, ec));
    co_return ec;
}

asio::awaitable<std::size_t> read_some(borrowed_descriptor& from, std::span<const iovec> buffers,
                                       error_code& ec) {
    for (;;) {
        const auto count =
            ::readv(from.native_handle(), buffers.data(), static_cast<int>(buffers.size()));
        if (count >= 0)
            co_return static_cast<std::size_t>(count);
        if (errno != EAGAIN && errno != EINTR) {
            ec = errno_code(errno);
            co_return 0;
        }
        ec = co_await from.ready(asio::posix::descriptor_base::wait_read);
        if (ec)
            co_return 0;
    }
}

asio::awaitable<std::size_t> write_some(borrowed_descriptor& to, std::span<const iovec> buffers,
                                        error_code& ec) {
    for (;;) {
        const auto count =
            ::writev(to.native_handle(), buffers.data(), static_cast<int>(buffers.size()));
        if (count >= 0)
            co_return static_cast<std::size_t>(count);
        if (errno != EAGAIN && errno != EINTR) {
            ec = errno_code(errno);
            co_return 0;
        }
        ec = co_await to.ready(asio::posix::descriptor_base::wait_write);
        if (ec)
            co_return 0;
    }
}

} // namespace xenring::tools
