// A network of this process alone, for tests that make real interfaces.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <net/if.h>
#include <sched.h>
#include <string>

namespace xenring::net::test {

/// Puts this process, which must have no other thread yet, into namespaces of its own, once; /sys
/// shows the interfaces in there. Why that cannot be; empty: it is done.
inline std::string what_is_missing() {
    static const std::string lack = []() -> std::string {
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
            return "needs CAP_SYS_ADMIN for a network namespace";
        if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("sysfs", "/sys", "sysfs", 0, nullptr) != 0)
            return "needs a sysfs of its own";
        if (access("/dev/net/tun", R_OK | W_OK) != 0)
            return "needs /dev/net/tun";
        return {};
    }();
    return lack;
}

/// 0: there is no such interface.
inline unsigned index_of(const std::string& name) {
    return if_nametoindex(name.c_str());
}

/// As a hotplug script does; the interface is down.
inline bool rename_interface(const std::string& from, const std::string& to) {
    ifreq request{};
    from.copy(request.ifr_name, sizeof request.ifr_name - 1);
    to.copy(request.ifr_newname, sizeof request.ifr_newname - 1);
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool done = ioctl(any, SIOCSIFNAME, &request) == 0;
    close(any);
    return done;
}

} // namespace xenring::net::test
