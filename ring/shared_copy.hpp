#pragma once

/// Copies between private memory and memory that a peer may write at any time.
///
/// What was checked must be what is used, so a slot is fetched exactly once and only the copy is
/// looked at (XSA-155). Neither a plain assignment nor memcpy promises that: a compiler may load a
/// field again from its source, and gcc 12 at -O2 does so for the RING_COPY_* macros of Xen's
/// ring.h, whose cast makes the pointer volatile and not the slot. Here each word of the slot, as
/// wide as the machine has them, is one volatile access, which the compiler may neither repeat nor
/// invent. Wide words matter: many narrow stores of a copy that is then moved on by wide loads
/// cost more than everything else in a ring.
///
/// No ordering is implied: an index is observed before a slot is copied out and published after it
/// was copied in (barrier.hpp).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

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

template <auto... Member>
struct members {};

/// Opt-in for a message of a few integers: specialise it to members<&T::a, &T::b, ...>, all of
/// them. It is then fetched member by member instead of in wide words: nothing has to be taken
/// apart, and a load is never wider than the store that the peer may just have made, for which the
/// processor would wait until the store has left its buffer.
template <class T>
inline constexpr members<> members_of{};

namespace detail {

/// The widest word that the machine loads at once.
#if defined(__SSE2__) || defined(__ARM_NEON)
using widest_word = std::uint64_t __attribute__((vector_size(16)));
#else
using widest_word = std::uint64_t;
#endif

/// Fetches `sizeof...(I)` words from an offset on, each by one volatile access.
template <class Word, std::size_t Align, std::size_t... I>
void fetch_words(std::byte* to, const std::byte* from, std::index_sequence<I...>) noexcept {
    using shared_word [[gnu::may_alias, gnu::aligned(Align)]] = Word;
    [[maybe_unused]] const auto fetch = [=](std::size_t at) {
        const Word word = *reinterpret_cast<const volatile shared_word*>(from + at);
        __builtin_memcpy(to + at, &word, sizeof word);
    };
    (fetch(I * sizeof(Word)), ...);
}

/// Fetches what is left of T in words as wide as fit, then in narrower ones.
template <class T, std::size_t From, class Word, class... Narrower>
void fetch_from(std::byte* to, const std::byte* from) noexcept {
    constexpr std::size_t count = (sizeof(T) - From) / sizeof(Word);
    constexpr std::size_t end = From + count * sizeof(Word);
    fetch_words<Word, alignof(T)>(to + From, from + From, std::make_index_sequence<count>());
    if constexpr (end != sizeof(T))
        fetch_from<T, end, Narrower...>(to, from);
}

/// Fetches each member by one volatile access, of a type that may alias what else is in the slot.
template <class T, auto... Member>
void fetch_members(T& to, const void* slot, members<Member...>) noexcept {
    static_assert((sizeof(to.*Member) + ...) == sizeof(T), "members_of<T> names each of them once");
    const auto fetch = [](auto& member, const auto& from) {
        using shared_word [[gnu::may_alias]] = std::remove_reference_t<decltype(member)>;
        member = reinterpret_cast<const volatile shared_word&>(from);
    };
    (fetch(to.*Member, static_cast<const T*>(slot)->*Member), ...);
}

} // namespace detail

/// Fetches a message out of shared memory, every byte of it once.
/// Precondition: `slot` is aligned for T and readable for sizeof(T) bytes.
/// A hostile peer that writes meanwhile can make the copy a mixture, but cannot change it.
template <ring_message T>
void copy_out(T& to, const void* slot) noexcept {
    if constexpr (std::is_same_v<decltype(members_of<T>), const members<>>)
        detail::fetch_from<T, 0, detail::widest_word, std::uint64_t, std::uint32_t, std::uint16_t,
                           std::uint8_t>(reinterpret_cast<std::byte*>(&to),
                                         static_cast<const std::byte*>(slot));
    else
        detail::fetch_members(to, slot, members_of<T>);
}

template <ring_message T>
[[nodiscard]] T copy_out(const void* slot) noexcept {
    T copy;
    copy_out(copy, slot);
    return copy;
}

/// Stores a message into shared memory, sizeof(T) bytes and no more, in whatever order: what is
/// published afterwards comes after all of them. Shared memory is never read back.
/// Precondition: `slot` is aligned for T and writable.
template <ring_message T>
void copy_in(void* slot, const T& message) noexcept {
    *static_cast<T*>(slot) = message;
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
