// Messages between a program and the stand-in's process: integers and descriptors in one packet.
//
//     request:  u32 request number, then its arguments
//     answer:   u32 kind of error (0 none, 1 errno, 2 errc, 3 grant_status), i32 error,
//               then results, if there is no error; descriptors go along
//
// All integers are in the byte order of the machine; both sides are on it.
#pragma once

#include <xenring/grant/local/file_descriptor.hpp>
#include <xenring/grant/local/link.hpp>

#include <chrono>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace xenring::local {

/// What can be asked. `hello` comes first on a connection that stands for a process of a domain; a
/// connection without it can only ask for what follows `unbind`.
enum class request_number : std::uint32_t {
    hello = 1,
    share,
    unshare,
    map,
    unmap,
    memory,
    check_copy,
    open_event_channel,
    close_event_channel,
    bind_unbound,
    bind_interdomain,
    unbind,
    destroy_domain,
    statistics,
};

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::size_t packet_max = 160 * 1024;
inline constexpr std::size_t descriptors_max = 4;
/// Grants in one map, and sides in one question about a copy.
inline constexpr std::size_t grants_a_packet = 4096;

/// Builds a packet. Move-only, for the descriptors.
class packet_writer {
public:
    template <class Integer>
    requires(std::is_integral_v<Integer> ||
             std::is_enum_v<Integer>) packet_writer& put(Integer value) {
        const auto at = bytes_.size();
        bytes_.resize(at + sizeof value);
        std::memcpy(bytes_.data() + at, &value, sizeof value);
        return *this;
    }
    packet_writer& put(domid value) { return put(value.value); }
    packet_writer& put(grant_ref value) { return put(value.value); }
    packet_writer& put(port value) { return put(value.value); }
    packet_writer& put(const error_code& code);
    packet_writer& put(const unmap_notify& notify);
    packet_writer& put(const page_source& source) { return put(source.region).put(source.page); }

    /// Sends a descriptor along; the packet keeps it until then. An empty one is not sent.
    packet_writer& attach(file_descriptor descriptor) {
        if (descriptor) {
            numbers_.push_back(descriptor.get());
            descriptors_.push_back(std::move(descriptor));
        }
        return *this;
    }

    std::span<const std::byte> bytes() const noexcept { return bytes_; }
    std::span<const int> descriptors() const noexcept { return numbers_; }

private:
    std::vector<std::byte> bytes_;
    std::vector<file_descriptor> descriptors_;
    std::vector<int> numbers_;
};

/// Takes a packet apart. Reading past its end yields zeros and ok() == false.
class packet_reader {
public:
    packet_reader() = default;
    packet_reader(std::vector<std::byte> bytes, std::vector<file_descriptor> descriptors)
        : bytes_{std::move(bytes)}, descriptors_{std::move(descriptors)} {}

    template <class Integer>
    requires(std::is_integral_v<Integer> || std::is_enum_v<Integer>) Integer get() {
        Integer value{};
        if (bytes_.size() - at_ < sizeof value) {
            ok_ = false;
            return value;
        }
        std::memcpy(&value, bytes_.data() + at_, sizeof value);
        at_ += sizeof value;
        return value;
    }
    template <class Strong>
    requires requires(Strong strong) { strong.value; }
    Strong get() { return Strong{get<decltype(Strong::value)>()}; }
    error_code get_error();
    unmap_notify get_notify();
    page_source get_source();
    access get_access();
    /// A count of things that each take at least `size` bytes, which must all be there.
    std::size_t get_count(std::size_t size);
    /// The next descriptor that came along; an empty one if there is none.
    file_descriptor take_descriptor();

    bool ok() const noexcept { return ok_; }

private:
    std::vector<std::byte> bytes_;
    std::vector<file_descriptor> descriptors_;
    std::size_t at_ = 0;
    std::size_t descriptors_taken_ = 0;
    bool ok_ = true;
};

/// Sends one packet over a SOCK_SEQPACKET socket. Error: errc::hypervisor_gone if the other side is
/// gone; else errno (EAGAIN on a non-blocking socket).
void send_packet(const file_descriptor& socket, const packet_writer& packet,
                 error_code& ec) noexcept;

/// Receives one. Errors as above, and errc::protocol_violation for a packet over packet_max.
packet_reader receive_packet(const file_descriptor& socket, error_code& ec);

/// A SOCK_SEQPACKET socket connected to `path`, or listening there with permissions 0600. Errors:
/// errno, errc::socket_path_too_long.
file_descriptor connect_packets(const std::string& path, error_code& ec);
/// What a stand-in may take to answer before it counts as one that does not.
inline constexpr std::chrono::seconds answer_patience{10};
/// From now on a blocking socket's waits end after `patience` with EAGAIN; 0: never.
void limit_waits(const file_descriptor& socket, std::chrono::seconds patience) noexcept;
file_descriptor listen_packets(const std::string& path, error_code& ec);

} // namespace xenring::local
