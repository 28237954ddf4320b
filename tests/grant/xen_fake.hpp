// Stands in for libxengnttab and libxenevtchn at link time, so that what grant/xen/ makes of their
// answers can be tested where no Xen is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace xenring::tests {

/// What the faked libraries were told and will answer. One for the process; reset by fake_xen().
struct xen_libraries {
    // grants that exist: reference -> may be written
    std::map<std::uint32_t, bool> grants;
    std::map<std::uint32_t, int> notify_offsets; ///< reference -> offset of the last notify
    int share_error = 0;                         ///< errno for the next shares
    bool refuse_notify = false;                  ///< the driver has no such port
    int copy_error = 0;                          ///< errno for the next copies

    std::vector<std::size_t> copy_calls; ///< segments in each call
    std::size_t mapped_pages = 0;
    std::size_t shared_pages = 0;
    int gntalloc_descriptor = -1;
    int event_descriptor = -1;      ///< what the library says is the device
    int event_descriptor_peer = -1; ///< the test's end of it
    std::vector<std::uint32_t> unmasked;
};

xen_libraries& fake_xen();
void reset_fake_xen();

/// A directory with a file for each device node, gone at the end.
class device_directory {
public:
    device_directory();
    ~device_directory();
    const std::string& path() const noexcept { return path_; }
    std::string node(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

} // namespace xenring::tests
