// Where the stand-in's process and the programs find each other.
//
//     DIRECTORY/hypervisor   what programs ask the hypervisor
//     DIRECTORY/store/N      the store as domain N sees it: XENSTORED_PATH=DIRECTORY/store/1
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/local/file_descriptor.hpp>
#include <xenring/grant/types.hpp>

#include <string>

namespace xenring::local {

std::string hypervisor_socket_path(const std::string& directory);
std::string store_socket_path(const std::string& directory, domid domain);

/// What in a directory is in the way of a stand-in and was not made by one: the path of anything
/// called `hypervisor` that is no socket, of anything called `store` that is no directory, or of
/// anything in that which is no socket with a domid for a name. Empty if there is nothing of the
/// kind; what goes by other names is nobody's business here.
std::string foreign_path(const std::string& directory);

/// The directory of one running stand-in. Made with permissions 0700 if it is not there. Locked as
/// long as this object lives, and by the kernel's doing no longer than the process, so that what
/// a killed stand-in left can be told from one that runs. The destructor removes the sockets, and
/// the directory if it was made here; what no stand-in made is never removed.
class runtime_directory {
public:
    /// Errors: EADDRINUSE if another stand-in runs there, errc::foreign_directory (see
    /// foreign_path()), errno.
    runtime_directory(std::string path, error_code& ec);
    runtime_directory(const runtime_directory&) = delete;
    runtime_directory& operator=(const runtime_directory&) = delete;
    ~runtime_directory();

    const std::string& path() const noexcept { return path_; }

private:
    void remove_sockets() const;

    std::string path_;
    bool made_ = false;
    file_descriptor lock_;
};

} // namespace xenring::local
