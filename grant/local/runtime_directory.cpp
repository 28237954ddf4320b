#include <xenring/grant/local/runtime_directory.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <vector>

namespace xenring::local {
namespace {

std::string store_directory(const std::string& directory) {
    return directory + "/store";
}

/// Of the thing itself, not of what a symbolic link points to; none if there is nothing.
std::filesystem::file_type type_of(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::symlink_status(path, ignored).type();
}

bool absent_or(std::filesystem::file_type wanted, const std::string& path) {
    const auto found = type_of(path);
    return found == std::filesystem::file_type::not_found || found == wanted;
}

bool names_domain(std::string_view name) {
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
    return failure == std::errc{} && end == name.data() + name.size();
}

/// The sockets of a stand-in's store, or the path of the first thing that is none of them.
std::vector<std::string> store_sockets(const std::string& directory, std::string& foreign) {
    std::vector<std::string> sockets;
    std::error_code ec;
    std::filesystem::directory_iterator each{directory, ec};
    for (; !ec && each != std::filesystem::directory_iterator{}; each.increment(ec)) {
        const auto path = each->path().string();
        if (names_domain(each->path().filename().string()) &&
            type_of(path) == std::filesystem::file_type::socket)
            sockets.push_back(path);
        else if (foreign.empty())
            foreign = path;
    }
    return sockets;
}

} // namespace

std::string foreign_path(const std::string& directory) {
    auto socket = hypervisor_socket_path(directory);
    if (!absent_or(std::filesystem::file_type::socket, socket))
        return socket;
    auto store = store_directory(directory);
    if (!absent_or(std::filesystem::file_type::directory, store))
        return store;
    std::string foreign;
    store_sockets(store, foreign);
    return foreign;
}

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
    if (!foreign_path(path_).empty()) {
        ec = errc::foreign_directory;
        return;
    }
    lock_ = std::move(directory);
    remove_sockets();
    if (::mkdir(store_directory(path_).c_str(), 0700) != 0)
        ec = errno_code(errno);
}

void runtime_directory::remove_sockets() const {
    const auto store = store_directory(path_);
    if (type_of(store) == std::filesystem::file_type::directory) {
        std::string foreign; // stays, and with it the directory
        for (const auto& each : store_sockets(store, foreign))
            ::unlink(each.c_str());
        ::rmdir(store.c_str());
    }
    const auto socket = hypervisor_socket_path(path_);
    if (type_of(socket) == std::filesystem::file_type::socket)
        ::unlink(socket.c_str());
}

runtime_directory::~runtime_directory() {
    if (!lock_)
        return; // it is somebody else's
    try {
        remove_sockets();
        if (made_)
            ::rmdir(path_.c_str());
    } catch (...) {
        // Out of memory: the next stand-in there removes the sockets.
    }
}

} // namespace xenring::local
