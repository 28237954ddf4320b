#include <xenring/net/frame_port.hpp>

#include <sys/uio.h>

#include <cerrno>

namespace xenring::net {

std::size_t read_frame(int descriptor, virtio_header& header, std::span<std::byte> frame,
                       error_code& ec) noexcept {
    ec.clear();
    const iovec parts[] = {{&header, sizeof header}, {frame.data(), frame.size()}};
    ssize_t count = 0;
    do
        count = readv(descriptor, parts, 2);
    while (count < 0 && errno == EINTR);
    if (count < 0 && errno != EAGAIN)
        ec = errno_code(errno);
    const auto header_size = static_cast<ssize_t>(sizeof header);
    return count > header_size ? static_cast<std::size_t>(count - header_size) : 0;
}

void write_frame(int descriptor, const virtio_header& header, std::span<const std::byte> frame,
                 error_code& ec) noexcept {
    ec.clear();
    const iovec parts[] = {{const_cast<virtio_header*>(&header), sizeof header},
                           {const_cast<std::byte*>(frame.data()), frame.size()}};
    ssize_t count = 0;
    do
        count = writev(descriptor, parts, 2);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        ec = errno_code(errno);
}

} // namespace xenring::net
