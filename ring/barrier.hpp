#pragma once

/// Memory ordering between two domains, in one place.
///
/// A ring works because one side's stores become visible to the other in a known order. Every
/// ordering that the project relies on is one of the named operations below; no other file names
/// a memory order. Each operation says which one, run by the *other* domain, it pairs with.
///
/// All of them are lock-free by static_assert: a lock inside an atomic means nothing between two
/// domains. They correspond to Xen's barriers (xenctrl.h) so: publish_index is xen_wmb and a store,
/// observe_index a load and xen_rmb, store_load_fence is xen_mb.
///
/// Thread safety: each operation is atomic on its own word or byte.

#include <atomic>
#include <concepts>
#include <cstdint>

namespace xenring::ring {

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic_ref<std::uint32_t>::required_alignment == alignof(std::uint32_t));
static_assert(std::atomic_ref<std::uint8_t>::is_always_lock_free);
static_assert(std::atomic_ref<std::uint8_t>::required_alignment == 1);

/// Makes everything that was read or written before it visible together with the new index.
/// A producer publishes what it filled in; a consumer publishes that it has finished reading.
/// Pairs with observe_index.
template <std::unsigned_integral Index>
void publish_index(Index& shared, Index value) noexcept {
    std::atomic_ref<Index>(shared).store(value, std::memory_order_release);
}

/// Reads an index that the peer publishes; what the peer did before publishing it is then visible,
/// and nothing that follows is done early. The value is the peer's word: check it before use.
/// Pairs with publish_index.
template <std::unsigned_integral Index>
[[nodiscard]] Index observe_index(Index& shared) noexcept {
    return std::atomic_ref<Index>(shared).load(std::memory_order_acquire);
}

/// Keeps every load after it behind every store before it, which no lesser barrier does, not even
/// on x86. Of two domains that each store one word and then load the other's, at least one sees
/// the other's store: either the producer sees that it must notify, or the consumer sees the work.
/// Pairs with store_load_fence.
inline void store_load_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
    // ThreadSanitizer knows no fences and gcc says so (-Wtsan). A locked operation on a private
    // word is the same barrier to an x86 and, being private, hides no race from the tool.
    std::uint32_t word = 0;
    std::atomic_ref<std::uint32_t>(word).fetch_or(0, std::memory_order_seq_cst);
#elif defined(__x86_64__)
    // What a compiler makes of the fence below is a locked operation on (%rsp), where it may keep a
    // local that the processor then waits for. The end of the red zone is as good, and seldom used.
    asm volatile("lock orl $0, -128(%%rsp)" ::: "memory", "cc");
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// Writes the word that tells the peer at which index to notify us (req_event, rsp_event).
/// Unordered by itself: a store_load_fence follows. Pairs with read_request.
template <std::unsigned_integral Index>
void write_request(Index& shared, Index value) noexcept {
    std::atomic_ref<Index>(shared).store(value, std::memory_order_relaxed);
}

/// Reads the peer's wish to be notified. Unordered by itself: a store_load_fence precedes it.
/// Pairs with write_request and with set_request.
template <std::unsigned_integral Word>
[[nodiscard]] Word read_request(Word& shared) noexcept {
    return std::atomic_ref<Word>(shared).load(std::memory_order_relaxed);
}

/// Sets bits in a byte in which the peer clears bits at the same time.
/// Unordered by itself: a store_load_fence follows. Pairs with read_request and take_request.
inline void set_request(std::uint8_t& shared, std::uint8_t bits) noexcept {
    std::atomic_ref<std::uint8_t>(shared).fetch_or(bits, std::memory_order_relaxed);
}

/// Clears bits that the peer has set and says whether any of them was set. Whoever gets true owes
/// the peer a notification. Acquires, so that a second look at the index after it is not done
/// before it. Pairs with set_request.
[[nodiscard]] inline bool take_request(std::uint8_t& shared, std::uint8_t bits) noexcept {
    const auto keep = static_cast<std::uint8_t>(~bits);
    const auto was =
        std::atomic_ref<std::uint8_t>(shared).fetch_and(keep, std::memory_order_acq_rel);
    return (was & bits) != 0;
}

/// Writes a byte that says whether we are alive; everything published before it stays before it.
/// Pairs with observe_state.
inline void publish_state(std::uint8_t& shared, std::uint8_t value) noexcept {
    std::atomic_ref<std::uint8_t>(shared).store(value, std::memory_order_release);
}

/// Reads the byte that says whether the peer is alive; an index that is observed afterwards is at
/// least as new as the byte. Pairs with publish_state.
[[nodiscard]] inline std::uint8_t observe_state(std::uint8_t& shared) noexcept {
    return std::atomic_ref<std::uint8_t>(shared).load(std::memory_order_acquire);
}

/// Replaces the state only if it is still `expected`; says whether it was. For a byte that both
/// sides write. Pairs with publish_state.
[[nodiscard]] inline bool exchange_state(std::uint8_t& shared, std::uint8_t expected,
                                         std::uint8_t desired) noexcept {
    return std::atomic_ref<std::uint8_t>(shared).compare_exchange_strong(
        expected, desired, std::memory_order_acq_rel, std::memory_order_acquire);
}

/// Reads back a word that we ourselves wrote, or that nobody writes at that moment: our own index
/// when a ring is taken over. Never repeated by the compiler. Needs no partner.
template <std::unsigned_integral Index>
[[nodiscard]] Index read_own_index(Index& shared) noexcept {
    return std::atomic_ref<Index>(shared).load(std::memory_order_relaxed);
}

} // namespace xenring::ring
