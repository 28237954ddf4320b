#include <xenring/grant/xen/store_location.hpp>

#include <cerrno>
#include <cstdlib>

namespace xenring::xen {

std::vector<std::string> store_locations(const std::string& device_directory) {
    // xenstored's own clients obey these two variables; so do we.
    if (const char* path = std::getenv("XENSTORED_PATH"); path && *path)
        return {path};
    std::vector<std::string> places;
    if (const char* directory = std::getenv("XENSTORED_RUNDIR"); directory && *directory)
        places.push_back(std::string{directory} + "/socket");
    else
        places = {"/run/xenstored/socket", "/var/run/xenstored/socket"};
    places.push_back(device_directory + "/xenbus");
    places.push_back("/proc/xen/xenbus");
    return places;
}

std::unique_ptr<store_pipe> open_store(const std::string& device_directory, std::string& location,
                                       error_code& ec) {
    ec = errno_code(ENOENT);
    for (const auto& place : store_locations(device_directory)) {
        error_code result;
        if (auto pipe = open_store_pipe(place, result)) {
            location = place;
            ec.clear();
            return pipe;
        }
        // A place that exists and fails says more than one that is not there.
        if (result != boost::system::errc::no_such_file_or_directory ||
            ec == boost::system::errc::no_such_file_or_directory)
            ec = result;
    }
    return nullptr;
}

} // namespace xenring::xen
