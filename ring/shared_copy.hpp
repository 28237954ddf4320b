#pragma once

/// Copies between private memory and memory that a peer may write at any time.
///
/// What was checked must be what is used, so a slot is fetched exactly once and only the copy is
/// looked at (XSA-155). Neither a plain assignment nor memcpy promises that: a compiler may load a
/// field again from its source, and gcc 12 at -O2 does so for the RING_COPY_* macros of Xen's
/// ring.h, whose cast makes the pointer volatile and not the slot. Here each word of the slot is
/// one volatile access, which the compiler may neither repeat nor invent.
///
/// No ordering is implied: an index is observed before a slot is copied out and published after it
/// was copied in (barrier.hpp).

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace xenring::ring {

/// Opt-in for a message type that has padding between its members. Specialise it to true only for
/// a type whose objects are always filled as a whole (memset first, or explicit padding members):
/// padding is sent to the peer as it is, and stale stack bytes in it are a leak (XSA-216).
template <class T>
inline constexpr bool padding_is_cleared = false;

/// A type that may stand in a shared ring: plain bytes whose layout another compiler, or another
/// language, agrees on, and without padding that would leak. Members should be integers or
/// arrays of them: a peer can store any bit pattern, and a bool or enum with a foreign one is
/// undefined to look at.
template <class T>
concept ring_message =
    std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && !std::is_pointer_v<T> &&
    std::is_same_v<T, std::remove_cv_t<T>> &&
    (std::has_unique_object_representations_v<T> || padding_is_cleared<T>);

namespace detail {

template <std::size_t Align>
struct word_of {
    using type [[gnu::may_alias]] = std::uint64_t;
};
template <>
struct word_of<4> {
    using type [[gnu::may_alias]] = std::uint32_t;
};
template <>
struct word_of<2> {
    using type [[gnu::may_alias]] = std::uint16_t;
};
template <>
struct word_of<1> {
    using type = unsigned char;
};

/// sizeof(T) is a multiple of alignof(T), so words of that alignment cover T exactly.
template <class T>
struct words_of {
    using word = typename word_of<alignof(T)>::type;
    static constexpr std::size_t count = sizeof(T) / sizeof(word);
    word value[count];
};

} // namespace detail

/// Fetches a message out of shared memory, every word of it once.
/// Precondition: `slot` is aligned for T and readable for sizeof(T) bytes.
/// A hostile peer that writes meanwhile can make the copy a mixture, but cannot change it.
template <ring_message T>
[[nodiscard]] T copy_out(const void* slot) noexcept {
    using words = detail::words_of<T>;
    const auto* from = static_cast<const volatile typename words::word*>(slot);
    words copy;
    for (std::size_t i = 0; i != words::count; ++i)
        copy.value[i] = from[i];
    return std::bit_cast<T>(copy);
}

/// Stores a message into shared memory, sizeof(T) bytes and no more.
/// Precondition: `slot` is aligned for T and writable. Shared memory is never read back.
template <ring_message T>
void copy_in(void* slot, const T& message) noexcept {
    using words = detail::words_of<T>;
    auto* to = static_cast<volatile typename words::word*>(slot);
    const auto copy = std::bit_cast<words>(message);
    for (std::size_t i = 0; i != words::count; ++i)
        to[i] = copy.value[i];
}

/// Bulk copy of bytes out of a ring. After it only `to` is looked at: the barrier keeps the
/// compiler from fetching from shared memory again. Copies min(to.size(), from.size()) bytes and
/// returns that number; the two must not overlap.
inline std::size_t copy_bytes_out(std::span<std::byte> to,
                                  std::span<const std::byte> from) noexcept {
    const std::size_t count = to.size() < from.size() ? to.size() : from.size();
    if (count != 0)
        __builtin_memcpy(to.data(), from.data(), count);
    asm volatile("" ::: "memory");
    return count;
}

/// Bulk copy of bytes into a ring; otherwise like copy_bytes_out.
inline std::size_t copy_bytes_in(std::span<std::byte> to,
                                 std::span<const std::byte> from) noexcept {
    return copy_bytes_out(to, from);
}

} // namespace xenring::ring
