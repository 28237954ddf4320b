#include <xenring/net/pcap_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>

namespace xenring::net {
namespace {

struct file_header {
    std::uint32_t magic = 0xa1b2c3d4; ///< its byte order is that of the file; microseconds
    std::uint16_t major = 2;
    std::uint16_t minor = 4;
    std::uint32_t reserved[2]{};
    std::uint32_t snap_length = 0;
    std::uint32_t link_type = 1; ///< Ethernet
    friend bool operator==(const file_header&, const file_header&) = default;
};
static_assert(sizeof(file_header) == 24);

struct record_header {
    std::uint32_t seconds;
    std::uint32_t microseconds;
    std::uint32_t captured;
    std::uint32_t length;
};
static_assert(sizeof(record_header) == 16);

record_header header_of_now(std::size_t captured, std::size_t length) noexcept {
    using namespace std::chrono;
    const auto now = system_clock::now().time_since_epoch();
    const auto whole = floor<seconds>(now);
    return {static_cast<std::uint32_t>(whole.count()),
            static_cast<std::uint32_t>(floor<microseconds>(now - whole).count()),
            static_cast<std::uint32_t>(captured), static_cast<std::uint32_t>(length)};
}

} // namespace

std::unique_ptr<pcap_file> pcap_file::open(const std::string& path, error_code& ec,
                                           std::size_t snap_length) {
    ec.clear();
    // A pipe that nobody reads would block in open() for writing alone, a full one in write().
    const int how = O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC;
    std::unique_ptr<pcap_file> file{new pcap_file{::open(path.c_str(), how, 0600), snap_length}};
    if (file->descriptor_ < 0)
        ec = errno_code(errno);
    else
        file->begin(ec);
    return ec ? nullptr : std::move(file);
}

pcap_file::~pcap_file() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

/// An empty file, or a pipe, gets a header; any other must have that already.
void pcap_file::begin(error_code& ec) const noexcept {
    file_header wanted;
    wanted.snap_length = static_cast<std::uint32_t>(snap_length_);
    struct stat what {};
    if (::fstat(descriptor_, &what) != 0) {
        ec = errno_code(errno);
    } else if (!S_ISREG(what.st_mode) || what.st_size == 0) {
        if (::write(descriptor_, &wanted, sizeof wanted) != sizeof wanted)
            ec = errno_code(errno);
    } else {
        file_header found{.magic = 0};
        if (::pread(descriptor_, &found, sizeof found, 0) != sizeof found || found != wanted)
            ec = errno_code(EEXIST);
    }
}

void pcap_file::append(std::span<const std::byte> frame, error_code& ec) noexcept {
    ec.clear();
    if (failed_)
        return;
    const auto captured = std::min(frame.size(), snap_length_);
    auto header = header_of_now(captured, frame.size());
    const iovec parts[] = {{&header, sizeof header},
                           {const_cast<std::byte*>(frame.data()), captured}};
    ssize_t written = 0;
    do
        written = ::writev(descriptor_, parts, 2);
    while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(sizeof header + captured) ||
        (written < 0 && errno == EAGAIN)) // a pipe that is full
        return;
    ec = errno_code(written < 0 ? errno : ENOSPC);
    failed_ = true;
    if (written > 0)
        take_back(static_cast<std::size_t>(written));
}

void pcap_file::take_back(std::size_t written) const noexcept {
    const auto end = ::lseek(descriptor_, 0, SEEK_END);
    if (end >= static_cast<off_t>(written)) // a pipe has no end
        (void)!::ftruncate(descriptor_, end - static_cast<off_t>(written));
}

} // namespace xenring::net
