#pragma once

/// Stands in front of ring/barrier.hpp in the wake-up model: the same operations, each one step of
/// the explorer (explorer.hpp), so that the rings' own code is what is explored.

#include "explorer.hpp"

#include <concepts>
#include <cstdint>

namespace xenring::ring {

template <std::unsigned_integral Index>
void publish_index(Index& shared, Index value) noexcept {
    model::store(&shared, sizeof shared, value, model::purpose::index);
}

template <std::unsigned_integral Index>
[[nodiscard]] Index observe_index(Index& shared) noexcept {
    return static_cast<Index>(model::load(&shared, sizeof shared));
}

inline void store_load_fence() noexcept {
    model::fence();
}

template <std::unsigned_integral Index>
void write_request(Index& shared, Index value) noexcept {
    model::store(&shared, sizeof shared, value, model::purpose::request);
}

template <std::unsigned_integral Word>
[[nodiscard]] Word read_request(Word& shared) noexcept {
    return static_cast<Word>(model::load(&shared, sizeof shared));
}

inline void set_request(std::uint8_t& shared, std::uint8_t bits) noexcept {
    model::set_bits(&shared, bits);
}

[[nodiscard]] inline bool take_request(std::uint8_t& shared, std::uint8_t bits) noexcept {
    return (model::clear_bits(&shared, bits) & bits) != 0;
}

inline void publish_state(std::uint8_t& shared, std::uint8_t value) noexcept {
    model::store(&shared, 1, value, model::purpose::index);
}

[[nodiscard]] inline std::uint8_t observe_state(std::uint8_t& shared) noexcept {
    return static_cast<std::uint8_t>(model::load(&shared, 1));
}

[[nodiscard]] inline bool exchange_state(std::uint8_t&, std::uint8_t, std::uint8_t) noexcept {
    return false; // reconnecting is not part of the model
}

template <std::unsigned_integral Index>
[[nodiscard]] Index read_own_index(Index& shared) noexcept {
    return shared;
}

} // namespace xenring::ring
