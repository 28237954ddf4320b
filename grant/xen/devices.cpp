#include <xenring/grant/xen/devices.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace xenring::xen {
namespace {

// A code of device_category() is the node and the trouble in one number; 0 stays success.
enum class trouble : int { missing = 0, denied = 1 };

constexpr int encode(device which, trouble what) noexcept {
    return 1 + 2 * static_cast<int>(which) + static_cast<int>(what);
}
constexpr device node_of(int code) noexcept {
    return static_cast<device>((code - 1) / 2);
}
constexpr trouble trouble_of(int code) noexcept {
    return static_cast<trouble>((code - 1) % 2);
}

std::string explain(const std::string& directory, device which, trouble what) {
    const auto node = directory + "/" + std::string{name(which)};
    if (what == trouble::denied)
        return node + " may not be opened: run as root, or let a udev rule grant access to it";
    return node + " is missing: run 'modprobe xen-" + std::string{name(which)} +
           "' (this kernel must run as a Xen domain)";
}

class node_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "xenring.device"; }
    std::string message(int code) const override {
        return explain("/dev/xen", node_of(code), trouble_of(code));
    }
    bool equivalent(int code, const error_condition& what) const noexcept override {
        return code != 0 && what == make_error_condition(condition::not_available);
    }
};

} // namespace

std::string_view name(device which) noexcept {
    switch (which) {
    case device::evtchn:
        return "evtchn";
    case device::gntdev:
        return "gntdev";
    case device::gntalloc:
        return "gntalloc";
    }
    return "unknown";
}

const boost::system::error_category& device_category() noexcept {
    static const node_category instance;
    return instance;
}

error_code device_error(device which, int number) noexcept {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV: // the node is there, its driver is not
    case ENXIO:
        return {encode(which, trouble::missing), device_category()};
    case EACCES:
    case EPERM:
        return {encode(which, trouble::denied), device_category()};
    default:
        return errno_code(number);
    }
}

error_code without_node(const error_code& code) noexcept {
    if (!code || code.category() != device_category())
        return code;
    return make_error_code(trouble_of(code.value()) == trouble::denied ? errc::device_permission
                                                                       : errc::device_missing);
}

error_code check_device(const std::string& directory, device which) noexcept {
    try {
        const auto node = directory + "/" + std::string{name(which)};
        const int descriptor = ::open(node.c_str(), O_RDWR | O_CLOEXEC);
        if (descriptor < 0)
            return device_error(which, errno);
        ::close(descriptor);
        return {};
    } catch (const std::bad_alloc&) {
        return errno_code(ENOMEM);
    }
}

std::string advice(const std::string& directory, device which, const error_code& code) {
    if (code.category() == device_category())
        return explain(directory, which, trouble_of(code.value()));
    return directory + "/" + std::string{name(which)} + " cannot be opened: " + code.message();
}

} // namespace xenring::xen
