#pragma once

/// How much a guest may transmit: the key "rate" of a vif, as xl's rate= writes it.

#include <xenring/backend/vif_keys.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace xenring::backend {

/// So many bytes in each period.
struct rate_limit {
    std::uint32_t bytes = 0;
    std::chrono::microseconds period{};
    friend bool operator==(const rate_limit&, const rate_limit&) = default;
};

/// "BYTES,MICROSECONDS"; nothing for all else, and for a period of 0, which limits nothing.
inline std::optional<rate_limit> parse_rate(std::string_view text) noexcept {
    constexpr std::uint32_t any = 0xffff'ffff;
    const auto comma = text.find(',');
    const auto bytes = parse_number(text.substr(0, comma), any);
    const auto period =
        comma == text.npos ? std::nullopt : parse_number(text.substr(comma + 1), any);
    if (!bytes || !period || *period == 0)
        return std::nullopt;
    return rate_limit{*bytes, std::chrono::microseconds{*period}};
}

/// What is left to spend. Every period adds to it, up to the larger of 128 KiB and one period's
/// bytes, as in Linux's netback. The packet that exceeds it still goes, on credit.
class rate_account {
public:
    using time_point = std::chrono::steady_clock::time_point;

    rate_account(const rate_limit& limit, time_point now) noexcept
        : limit_{limit}, left_{limit.bytes}, next_{now + limit.period} {}

    /// Bytes that may go now; 0: wait until next().
    std::uint64_t available(time_point now) noexcept {
        if (now >= next_) {
            constexpr std::int64_t least_burst = 128 * 1024;
            left_ =
                std::min(left_ + limit_.bytes, std::max<std::int64_t>(least_burst, limit_.bytes));
            next_ = now + limit_.period;
        }
        return left_ > 0 ? static_cast<std::uint64_t>(left_) : 0;
    }
    void spend(std::uint64_t bytes) noexcept { left_ -= static_cast<std::int64_t>(bytes); }
    time_point next() const noexcept { return next_; }

private:
    rate_limit limit_;
    std::int64_t left_;
    time_point next_;
};

} // namespace xenring::backend
