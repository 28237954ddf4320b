#pragma once

/// The frames of a vif, for Wireshark.

#include <xenring/net/pcap_file.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace xenring::backend {

/// Where frames are captured.
struct capture_options {
    std::string path; ///< "%v" stands for the vif's name; empty: nowhere
    std::size_t snap_length = net::max_frame_size;

    /// The file of one vif; empty: none.
    std::string path_of(std::string_view vif) const {
        auto out = path;
        if (const auto at = out.find("%v"); at != out.npos)
            out.replace(at, 2, vif);
        return out;
    }
};

/// Writes frames until the file fails; then it says so once, and frames go on without it.
class frame_capture {
public:
    using failed_handler = std::function<void(const error_code&)>;
    frame_capture(std::unique_ptr<net::pcap_file> file, failed_handler failed)
        : file_{std::move(file)}, failed_{std::move(failed)} {}

    void take(std::span<const std::byte> frame) {
        error_code ec;
        file_->append(frame, ec);
        if (ec)
            failed_(ec);
    }

private:
    std::unique_ptr<net::pcap_file> file_;
    failed_handler failed_;
};

} // namespace xenring::backend
