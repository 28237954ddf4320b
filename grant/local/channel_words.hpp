// The page that the two ends of an event channel share, so that a notify needs no third process.
//
//     offset 0   4   end 0's word     written by both ends and by the stand-in
//            4   4   end 1's word     likewise
//
// A word holds, for the end that it belongs to: bit 0 pending, bit 1 masked, bit 2 bound, and from
// bit 8 on the number of the binding, which changes each time that the end is bound anew.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace xenring::local {

/// One of a channel's two ends: 0 or 1.
using channel_side = unsigned;

/// One end's word. A view of shared memory that the peer can scribble on: the worst that this does
/// is to lose or invent events of this one channel. All operations are lock-free.
class channel_word {
public:
    static constexpr std::uint32_t pending = 1, masked = 2, bound = 4;

    channel_word(std::byte* page, channel_side side) noexcept
        : word_{*reinterpret_cast<std::uint32_t*>(page + side * sizeof(std::uint32_t))} {}

    /// Starts binding number `number`: unmasked, and pending if asked.
    void bind(std::uint32_t number, bool is_pending) const noexcept {
        word_.store(number << 8 | bound | (is_pending ? pending : 0));
    }
    /// Ends the binding: events for this end are lost from here on.
    void unbind() const noexcept { word_.fetch_and(~(bound | pending | masked)); }

    bool is_bound(std::uint32_t number) const noexcept {
        const auto now = word_.load();
        return (now & bound) != 0 && now >> 8 == (number & 0xffffff);
    }

    /// Makes an event pending. True: the end's eventfd must be raised. False: lost (not bound),
    /// merged with one that is pending, or held back until unmask().
    bool make_pending() const noexcept {
        auto now = word_.load();
        do {
            if ((now & bound) == 0)
                return false;
        } while (!word_.compare_exchange_weak(now, now | pending));
        return (now & (pending | masked)) == 0;
    }

    /// Takes the pending event, if there is one, and masks the end. A word that is masked has
    /// nothing to give.
    bool take() const noexcept {
        auto now = word_.load();
        do {
            if ((now & pending) == 0 || (now & masked) != 0)
                return false;
        } while (!word_.compare_exchange_weak(now, (now & ~pending) | masked));
        return true;
    }

    /// Unmasks. True: an event came meanwhile, and the end's own eventfd must be raised. Either
    /// this sees the peer's pending bit or make_pending() sees the mask gone: both change the word
    /// in one step, so no event falls between.
    bool unmask() const noexcept { return (word_.fetch_and(~masked) & pending) != 0; }

private:
    std::atomic_ref<std::uint32_t> word_;
};

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);

} // namespace xenring::local
