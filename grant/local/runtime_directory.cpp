#include <xenring/grant/local/runtime_directory.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace xenring::local {
namespace {

std::string store_directory(const std::string& directory) {
    return directory + "/store";
}

} // namespace

std::string hypervisor_socket_path(const std::string& directory) {
    return directory + "/hypervisor";
}

std::string store_socket_path(const std::string& directory, domid domain) {
    return store_directory(directory) + '/' + std::to_string(domain.value);
}

runtime_directory::runtime_directory(std::string path, error_code& ec) : path_{std::move(path)} {
    std::error_code failed;
    const auto parent = std::filesystem::path{path_}.parent_path();
    if (!parent.empty())
        std::filesystem::create_directories(parent, failed);
    made_ = ::mkdir(path_.c_str(), 0700) == 0;
    if (!made_ && errno != EEXIST) {
        ec = errno_code(errno);
        return;
    }
    file_descriptor directory{::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory || ::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) {
        ec = errno_code(errno == EWOULDBLOCK ? EADDRINUSE : errno);
        return;
    }
    lock_ = std::move(directory);
    remove_sockets();
    if (::mkdir(store_directory(path_).c_str(), 0700) != 0)
        ec = errno_code(errno);
}

void runtime_directory::remove_sockets() const noexcept {
    std::error_code ignored;
    std::filesystem::remove(hypervisor_socket_path(path_), ignored);
    std::filesystem::remove_all(store_directory(path_), ignored);
}

runtime_directory::~runtime_directory() {
    if (!lock_)
        return; // it is somebody else's
    remove_sockets();
    std::error_code ignored;
    if (made_)
        std::filesystem::remove(path_, ignored);
}

} // namespace xenring::local
