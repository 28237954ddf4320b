#pragma once

/// A file of frames for Wireshark and tcpdump: the classic pcap format.

#include <xenring/grant/error.hpp>
#include <xenring/net/frame_port.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace xenring::net {

/// Appends frames, each with the time of now, each with one call of write().
///
/// Source: draft-ietf-opsawg-pcap; link type 1, Ethernet. In the byte order of this machine.
///
/// Thread safety: one thread at a time. Several objects and processes may append to one file.
class pcap_file {
public:
    /// Creates the file, readable for its owner alone, or goes on with one that a pcap_file of the
    /// same `snap_length` wrote; bytes of a frame beyond that are left out. A named pipe will do,
    /// for Wireshark at once: frames that it has no room for are left out. Errors: errno; EEXIST
    /// for a file that is something else.
    static std::unique_ptr<pcap_file> open(const std::string& path, error_code& ec,
                                           std::size_t snap_length = max_frame_size);
    ~pcap_file();
    pcap_file(const pcap_file&) = delete;
    pcap_file& operator=(const pcap_file&) = delete;

    /// Blocks for as long as write() does: a regular file takes it into the page cache. Errors:
    /// errno, once; nothing more is written after one, and what was begun is taken back, so that
    /// the file can be read.
    void append(std::span<const std::byte> frame, error_code& ec) noexcept;

private:
    pcap_file(int descriptor, std::size_t snap_length) noexcept
        : descriptor_{descriptor}, snap_length_{snap_length} {}
    void begin(error_code& ec) const noexcept;
    void take_back(std::size_t written) const noexcept;

    int descriptor_;
    std::size_t snap_length_;
    bool failed_ = false;
};

} // namespace xenring::net
