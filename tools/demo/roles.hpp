// The demo's two domains. Each function is the whole life of one process.
#pragma once

#include "report.hpp"

#include <cstdint>
#include <string>

namespace xenring::tools::demo {

struct plan {
    std::string directory; ///< where the stand-in runs
    std::uint64_t requests = 400'000;
    std::uint64_t round_trips = 20'000;
    std::uint64_t stream_bytes = std::uint64_t{1} << 30;
};

inline constexpr std::uint16_t backend_domid = 1;
inline constexpr std::uint16_t frontend_domid = 2;
inline constexpr const char* channel_name = "demo";
inline constexpr std::size_t ping_size = 64;

/// Both return false if anything was not as it must be, and say so through `report`.
bool run_backend(const plan& work, reporter& report);
bool run_frontend(const plan& work, reporter& report);

// Parts of those two, a file each.
bool serve_digests(const plan& work, reporter& report);
bool ask_digests(const plan& work, reporter& report);
bool receive_stream(const plan& work, reporter& report);
bool send_stream(const plan& work, reporter& report);

/// The specification of the stand-in, as domain `domid`.
std::string specification(const plan& work, std::uint16_t domid);

} // namespace xenring::tools::demo
