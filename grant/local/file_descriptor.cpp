#include <xenring/grant/local/file_descriptor.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace xenring::local {
namespace {

file_descriptor checked(int number, error_code& ec) noexcept {
    if (number < 0)
        ec = errno_code(errno);
    return file_descriptor{number};
}

short poll_now(int descriptor, short events) noexcept {
    pollfd question{descriptor, events, 0};
    return ::poll(&question, 1, 0) > 0 ? question.revents : short{0};
}

} // namespace

void file_descriptor::close() noexcept {
    if (number_ >= 0)
        ::close(std::exchange(number_, -1));
}

file_descriptor file_descriptor::duplicate(error_code& ec) const noexcept {
    return local::duplicate(number_, ec);
}

file_descriptor duplicate(int descriptor, error_code& ec) noexcept {
    return checked(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0), ec);
}

file_descriptor make_memory(std::size_t pages, error_code& ec) noexcept {
    auto memory = checked(::memfd_create("xenring-pages", MFD_CLOEXEC | MFD_ALLOW_SEALING), ec);
    if (!memory)
        return {};
    // Sealed, so that a peer cannot shrink the file and turn our reads into SIGBUS.
    if (::ftruncate(memory.get(), static_cast<off_t>(pages * page_size)) != 0 ||
        ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        ec = errno_code(errno);
        return {};
    }
    return memory;
}

file_descriptor reopen(const file_descriptor& memory, access mode, error_code& ec) noexcept {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", memory.get());
    const int flags = mode == access::read_only ? O_RDONLY : O_RDWR;
    return checked(::open(path, flags | O_CLOEXEC), ec);
}

file_descriptor make_event(error_code& ec) noexcept {
    return checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ec);
}

void raise(const file_descriptor& event) noexcept {
    if (event)
        (void)::eventfd_write(event.get(), 1);
}

bool is_readable(int descriptor) noexcept {
    return (poll_now(descriptor, POLLIN) & POLLIN) != 0;
}

bool is_hung_up(int descriptor) noexcept {
    return (poll_now(descriptor, POLLRDHUP) & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

} // namespace xenring::local
