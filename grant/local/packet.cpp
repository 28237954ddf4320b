#include <xenring/grant/local/packet.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace xenring::local {
namespace {

enum class error_kind : std::uint32_t { none, number, own, grant };

struct control_space {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(descriptors_max * sizeof(int))> bytes{};
};

error_code socket_error() noexcept {
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
        return errc::hypervisor_gone;
    return errno_code(errno);
}

std::vector<file_descriptor> take_descriptors(msghdr& message) {
    std::vector<file_descriptor> taken;
    for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
            taken.emplace_back(number);
        }
    }
    return taken;
}

sockaddr_un address_of(const std::string& path, error_code& ec) noexcept {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        ec = errc::socket_path_too_long;
    else
        std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

file_descriptor open_socket(error_code& ec) noexcept {
    file_descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    if (!socket)
        ec = errno_code(errno);
    return socket;
}

} // namespace

packet_writer& packet_writer::put(const error_code& code) {
    auto kind = error_kind::number;
    if (!code)
        kind = error_kind::none;
    else if (code.category() == category())
        kind = error_kind::own;
    else if (code.category() == grant_status_category())
        kind = error_kind::grant;
    return put(kind).put(static_cast<std::int32_t>(code.value()));
}

packet_writer& packet_writer::put(const unmap_notify& notify) {
    put(static_cast<std::uint8_t>(notify.clear_byte.has_value()))
        .put(notify.clear_byte.value_or(0));
    return put(static_cast<std::uint8_t>(notify.notify.has_value()))
        .put(notify.notify.value_or(port{}));
}

error_code packet_reader::get_error() {
    const auto kind = get<error_kind>();
    const auto value = get<std::int32_t>();
    switch (kind) {
    case error_kind::none:
        return {};
    case error_kind::number:
        return errno_code(value);
    case error_kind::own:
        return static_cast<errc>(value);
    case error_kind::grant:
        return static_cast<grant_status>(value);
    }
    return errc::protocol_violation;
}

unmap_notify packet_reader::get_notify() {
    unmap_notify notify;
    const bool clears = get<std::uint8_t>() != 0;
    const auto offset = get<std::uint16_t>();
    const bool raises = get<std::uint8_t>() != 0;
    const auto through = get<port>();
    if (clears)
        notify.clear_byte = offset;
    if (raises)
        notify.notify = through;
    ok_ = ok_ && offset < page_size;
    return notify;
}

page_source packet_reader::get_source() {
    const auto region = get<region_id>();
    return {region, get<std::uint32_t>()};
}

access packet_reader::get_access() {
    return get<std::uint8_t>() == static_cast<std::uint8_t>(access::read_write) ? access::read_write
                                                                                : access::read_only;
}

std::size_t packet_reader::get_count(std::size_t size) {
    const std::size_t count = get<std::uint32_t>();
    if (count > (bytes_.size() - at_) / size) {
        ok_ = false;
        return 0;
    }
    return count;
}

file_descriptor packet_reader::take_descriptor() {
    if (descriptors_taken_ == descriptors_.size()) {
        ok_ = false;
        return {};
    }
    return std::move(descriptors_[descriptors_taken_++]);
}

void send_packet(const file_descriptor& socket, const packet_writer& packet,
                 error_code& ec) noexcept {
    iovec bytes{const_cast<std::byte*>(packet.bytes().data()), packet.bytes().size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    control_space control;
    if (const auto descriptors = packet.descriptors(); !descriptors.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = 0;
    do
        sent = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        ec = socket_error();
}

namespace {

/// The next packet's size, which stays where it is; 0 at the end.
std::size_t next_size(const file_descriptor& socket, error_code& ec) noexcept {
    ssize_t size = 0;
    do
        size = ::recv(socket.get(), nullptr, 0, MSG_PEEK | MSG_TRUNC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        ec = socket_error();
    else if (size == 0)
        ec = errc::hypervisor_gone;
    else if (static_cast<std::size_t>(size) > packet_max)
        ec = errc::protocol_violation;
    return ec ? 0 : static_cast<std::size_t>(size);
}

} // namespace

packet_reader receive_packet(const file_descriptor& socket, error_code& ec) {
    std::vector<std::byte> buffer(next_size(socket, ec));
    if (ec)
        return {};
    iovec bytes{buffer.data(), buffer.size()};
    control_space control;
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t received = 0;
    do
        received = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0) {
        ec = socket_error();
        return {};
    }
    auto descriptors = take_descriptors(message);
    if ((message.msg_flags & MSG_CTRUNC) != 0)
        ec = errno_code(EMFILE); // the kernel could not give us all the descriptors
    return {std::move(buffer), std::move(descriptors)};
}

file_descriptor connect_packets(const std::string& path, error_code& ec) {
    const auto address = address_of(path, ec);
    auto socket = ec ? file_descriptor{} : open_socket(ec);
    if (!ec &&
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        ec = errno_code(errno);
    return ec ? file_descriptor{} : std::move(socket);
}

void limit_waits(const file_descriptor& socket, std::chrono::seconds patience) noexcept {
    const timeval longest{.tv_sec = patience.count(), .tv_usec = 0};
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
        ::setsockopt(socket.get(), SOL_SOCKET, direction, &longest, sizeof longest);
}

file_descriptor listen_packets(const std::string& path, error_code& ec) {
    const auto address = address_of(path, ec);
    auto socket = ec ? file_descriptor{} : open_socket(ec);
    if (ec)
        return {};
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
        ec = errno_code(errno);
        return {};
    }
    return socket;
}

} // namespace xenring::local
