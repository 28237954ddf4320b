#include <xenring/grant/store_pipe.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace xenring {
namespace {

std::size_t transferred(ssize_t result, error_code& ec) noexcept {
    ec = {};
    if (result >= 0)
        return static_cast<std::size_t>(result);
    ec = errno == EAGAIN || errno == EWOULDBLOCK ? error_code{boost::asio::error::would_block}
                                                 : errno_code(errno);
    return 0;
}

std::unique_ptr<store_pipe> connect_socket(const std::string& path, error_code& ec) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        ec = errc::socket_path_too_long;
        return nullptr;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        ec = errno_code(errno);
        return nullptr;
    }
    // While it still blocks: a full backlog is waited for instead of being EAGAIN.
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ec = errno_code(errno);
        ::close(descriptor);
        return nullptr;
    }
    return std::make_unique<fd_store_pipe>(descriptor);
}

std::unique_ptr<store_pipe> open_device(const std::string& path, error_code& ec) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        ec = errno_code(errno);
        return nullptr;
    }
    return std::make_unique<fd_store_pipe>(descriptor);
}

} // namespace

store_pipe::~store_pipe() = default;

fd_store_pipe::fd_store_pipe(int descriptor) noexcept : descriptor_{descriptor}, is_socket_{false} {
    struct stat status {};
    is_socket_ = ::fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

fd_store_pipe::~fd_store_pipe() {
    ::close(descriptor_);
}

std::size_t fd_store_pipe::write_some(std::span<const std::byte> bytes, error_code& ec) noexcept {
    ssize_t result;
    do
        result = is_socket_ ? ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                            : ::write(descriptor_, bytes.data(), bytes.size());
    while (result < 0 && errno == EINTR);
    const std::size_t count = transferred(result, ec);
    if (is_socket_ && ec && ec != boost::asio::error::would_block)
        ec = boost::asio::error::broken_pipe;
    return count;
}

std::size_t fd_store_pipe::read_some(std::span<std::byte> bytes, error_code& ec) noexcept {
    ssize_t result;
    do
        result = ::read(descriptor_, bytes.data(), bytes.size());
    while (result < 0 && errno == EINTR);
    if (result == 0 && !bytes.empty()) {
        ec = boost::asio::error::eof;
        return 0;
    }
    return transferred(result, ec);
}

std::unique_ptr<store_pipe> open_store_pipe(const std::string& path, error_code& ec) {
    ec = {};
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        ec = errno_code(errno);
        return nullptr;
    }
    return S_ISSOCK(status.st_mode) ? connect_socket(path, ec) : open_device(path, ec);
}

} // namespace xenring
