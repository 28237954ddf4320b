// Bytes that are known by their place in the stream, so that a lost, doubled or swapped one shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

namespace xenring::tools::demo {

/// An endless repetition of a random block. The block's length is prime, so no power of two of
/// bytes can go missing unseen.
class pattern {
public:
    explicit pattern(std::uint32_t seed) : block_(period + largest) {
        std::mt19937_64 random{seed};
        for (std::size_t i = 0; i < block_.size(); ++i)
            block_[i] = i < period ? static_cast<std::byte>(random()) : block_[i - period];
    }

    /// Up to `largest` bytes of the stream at `offset`.
    std::span<const std::byte> at(std::uint64_t offset, std::size_t size) const noexcept {
        return std::span{block_}.subspan(static_cast<std::size_t>(offset % period),
                                         size < largest ? size : largest);
    }

    /// Whether `bytes` are those of the stream at `offset`.
    bool matches(std::uint64_t offset, std::span<const std::byte> bytes) const noexcept {
        while (!bytes.empty()) {
            const auto expected = at(offset, bytes.size());
            if (std::memcmp(expected.data(), bytes.data(), expected.size()) != 0)
                return false;
            offset += expected.size();
            bytes = bytes.subspan(expected.size());
        }
        return true;
    }

    static constexpr std::size_t period = 524'287; // prime
    static constexpr std::size_t largest = 65'536;

private:
    std::vector<std::byte> block_;
};

} // namespace xenring::tools::demo
