#include <xenring/net/tap.hpp>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <net/if.h>
#include <net/if_arp.h>
#include <system_error>
#include <utility>

// <linux/sockios.h> and <net/if.h> agree on this number; the kernel's bridge header does not go
// together with glibc's.
#ifndef SIOCBRADDIF
#define SIOCBRADDIF 0x89a2
#endif

namespace xenring::net {
namespace {

const std::filesystem::path interfaces{"/sys/class/net"};
constexpr std::size_t most_queues = 256; // of a TAP of Linux

std::filesystem::path alias_of(const std::string& interface) {
    return interfaces / interface / "ifalias";
}

class descriptor {
public:
    explicit descriptor(int number) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() {
        if (number_ >= 0)
            close(number_);
    }
    int get() const noexcept { return number_; }
    int release() noexcept { return std::exchange(number_, -1); }

private:
    int number_;
};

ifreq request_for(std::string_view name) noexcept {
    ifreq out{};
    std::copy_n(name.data(), std::min(name.size(), sizeof out.ifr_name - 1), out.ifr_name);
    return out;
}

void control(int where, unsigned long command, void* argument, error_code& ec) noexcept {
    if (!ec && ioctl(where, command, argument) != 0)
        ec = errno_code(errno);
}

void control(int where, unsigned long command, unsigned long argument, error_code& ec) noexcept {
    if (!ec && ioctl(where, command, argument) != 0)
        ec = errno_code(errno);
}

/// Opens a queue of the TAP of that name, which is made if there is none.
descriptor open_named(std::string_view name, bool multi_queue, error_code& ec) {
    descriptor file{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    if (file.get() < 0) {
        ec = errno_code(errno);
        return file;
    }
    auto request = request_for(name);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                           (multi_queue ? IFF_MULTI_QUEUE : 0));
    control(file.get(), TUNSETIFF, &request, ec);
    return ec ? descriptor{-1} : std::move(file);
}

class tap final : public frame_port {
public:
    tap(descriptor file, bool multi_queue) noexcept
        : file_{std::move(file)}, multi_queue_{multi_queue} {}

    ~tap() override {
        error_code ignored;
        control(file_.get(), TUNSETPERSIST, 0UL, ignored);
    }

    void keep_when_killed() noexcept {
        error_code ignored;
        control(file_.get(), TUNSETPERSIST, 1UL, ignored);
    }

    /// In sysfs, for there is no call; where that cannot be written, names must do.
    void mark(const std::string& text) const { std::ofstream{alias_of(name())} << text; }

    std::string name() const override {
        ifreq request{};
        error_code ignored;
        control(file_.get(), TUNGETIFF, &request, ignored);
        return request.ifr_name;
    }

    int open_queue(std::size_t queue, error_code& ec) override {
        if (queue == 0) {
            const int copy = fcntl(file_.get(), F_DUPFD_CLOEXEC, 0);
            if (copy < 0)
                ec = errno_code(errno);
            return copy;
        }
        // By its name of now: a hotplug script may have given it another.
        return open_named(name(), multi_queue_, ec).release();
    }

    std::size_t max_queues() const override { return multi_queue_ ? most_queues : 1; }
    std::size_t mtu() const override { return mtu_of(name()).value_or(usual_mtu); }
    void set_mtu(std::size_t bytes, error_code& ec) override { net::set_mtu(name(), bytes, ec); }

    std::uint64_t dropped() const override {
        std::uint64_t count = 0;
        std::ifstream{interfaces / name() / "statistics/tx_dropped"} >> count;
        return count;
    }

    void set_offloads(const offloads& reader, error_code& ec) override {
        unsigned long flags = 0;
        if (reader.checksum_ipv4 || reader.checksum_ipv6)
            flags |= TUN_F_CSUM; // from_virtio() completes what the reader does not take
        if (reader.tcpv4)
            flags |= TUN_F_TSO4;
        if (reader.tcpv6)
            flags |= TUN_F_TSO6;
        control(file_.get(), TUNSETOFFLOAD, flags, ec);
    }

    void set_carrier(bool up) noexcept override {
        int value = up ? 1 : 0;
        error_code ignored; // kernels before 5.0 have no carrier to set
        control(file_.get(), TUNSETCARRIER, &value, ignored);
    }

private:
    descriptor file_;
    bool multi_queue_;
};

void set_address(const std::string& name, const std::array<std::uint8_t, 6>& mac,
                 error_code& ec) noexcept {
    const descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0)
        ec = errno_code(errno);
    auto address = request_for(name);
    address.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(address.ifr_hwaddr.sa_data, mac.data(), mac.size());
    control(socket.get(), SIOCSIFHWADDR, &address, ec);
}

/// Puts the interface into the bridge with the address that Xen's scripts give every vif, which no
/// bridge takes for its own because it is the highest there is.
void join_bridge(const std::string& name, const std::string& bridge, error_code& ec) {
    const descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0) {
        ec = errno_code(errno);
        return;
    }
    auto address = request_for(name);
    address.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    constexpr std::array<unsigned char, 6> highest{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};
    std::memcpy(address.ifr_hwaddr.sa_data, highest.data(), highest.size());
    control(socket.get(), SIOCSIFHWADDR, &address, ec);
    auto member = request_for(bridge);
    member.ifr_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
    control(socket.get(), SIOCBRADDIF, &member, ec);
    if (ec == errno_code(EBUSY)) // it is in a bridge already: taken over from an earlier process
        ec.clear();
    auto flags = request_for(name);
    control(socket.get(), SIOCGIFFLAGS, &flags, ec);
    flags.ifr_flags = static_cast<short>(flags.ifr_flags | IFF_UP);
    control(socket.get(), SIOCSIFFLAGS, &flags, ec);
}

} // namespace

std::unique_ptr<frame_port> open_tap(const tap_options& options, error_code& ec) {
    if (options.name.empty() || options.name.size() >= IFNAMSIZ) {
        ec = errno_code(EINVAL);
        return nullptr;
    }
    const bool fresh = !interface_exists(options.name);
    bool multi_queue = options.multi_queue;
    auto file = open_named(options.name, multi_queue, ec);
    if (!fresh && ec == errno_code(EINVAL)) { // it was made in the other way
        ec.clear();
        multi_queue = !multi_queue;
        file = open_named(options.name, multi_queue, ec);
    }
    if (ec)
        return nullptr;
    auto made = std::make_unique<tap>(std::move(file), multi_queue);
    if (fresh && !options.mark.empty())
        made->mark(options.mark);
    made->keep_when_killed();
    if (fresh) // one that was taken over goes on without a break
        made->set_carrier(false);
    if (options.mac)
        set_address(options.name, *options.mac, ec);
    if (options.mtu && !ec)
        set_mtu(options.name, *options.mtu, ec);
    if (fresh && options.queue_length && !ec)
        set_queue_length(options.name, *options.queue_length, ec);
    if (!options.bridge.empty() && !ec)
        join_bridge(options.name, options.bridge, ec);
    return ec ? nullptr : std::move(made);
}

void set_mtu(const std::string& interface, std::size_t mtu, error_code& ec) noexcept {
    ec.clear();
    const descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0)
        ec = errno_code(errno);
    auto request = request_for(interface);
    request.ifr_mtu = static_cast<int>(mtu);
    control(socket.get(), SIOCSIFMTU, &request, ec);
}

void set_queue_length(const std::string& interface, std::size_t frames, error_code& ec) noexcept {
    ec.clear();
    const descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0)
        ec = errno_code(errno);
    auto request = request_for(interface);
    request.ifr_qlen = static_cast<int>(frames);
    control(socket.get(), SIOCSIFTXQLEN, &request, ec);
}

std::optional<std::size_t> mtu_of(const std::string& interface) noexcept {
    const descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    auto request = request_for(interface);
    error_code ec;
    control(socket.get(), SIOCGIFMTU, &request, ec);
    return ec ? std::nullopt : std::optional{static_cast<std::size_t>(request.ifr_mtu)};
}

std::vector<marked_tap> list_taps(std::string_view prefix) {
    std::vector<marked_tap> out;
    std::error_code gone;
    for (const auto& each : std::filesystem::directory_iterator{interfaces, gone}) {
        marked_tap found{each.path().filename().string(), {}};
        std::getline(std::ifstream{alias_of(found.name)}, found.mark);
        if (found.mark.starts_with(prefix) &&
            std::filesystem::exists(each.path() / "tun_flags", gone))
            out.push_back(std::move(found));
    }
    return out;
}

void remove_left_over_tap(const std::string& name) noexcept {
    for (const bool multi_queue : {false, true}) { // as it was made, else it is EINVAL
        error_code ec;
        const auto file =
            interface_exists(name) ? open_named(name, multi_queue, ec) : descriptor{-1};
        if (file.get() >= 0)
            control(file.get(), TUNSETPERSIST, 0UL, ec);
    }
}

bool interface_exists(std::string_view name) noexcept {
    const auto request = request_for(name);
    return name.size() < IFNAMSIZ && if_nametoindex(request.ifr_name) != 0;
}

} // namespace xenring::net
