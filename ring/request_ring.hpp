#pragma once

/// Request/response rings, wire-compatible with DEFINE_RING_TYPES of xen/io/ring.h.
///
///     offset  size  what        written by
///     0       4     req_prod    front
///     4       4     req_event   back: "notify me when req_prod passes this"
///     8       4     rsp_prod    back
///     12      4     rsp_event   front: "notify me when rsp_prod passes this"
///     16      48    private to the protocol, then padding
///     64      ...   entries, each a union of request and response; as many as fit, rounded down
///                   to a power of two
///
/// The frontend grants the memory and initialises it; requests and responses share the slots, and
/// a slot is free again once its response was taken. Indices are free-running. Own ones are
/// private; the peer's are read once, checked, and an impossible one poisons the ring with a named
/// fault, after which nothing moves. Events are only hints about when to notify.
///
/// A half neither owns nor frees the memory, which must outlive it. Every call is O(1), or O(1) for
/// each message of a batch.
/// Thread safety: one thread at a time for each half.

#include <xenring/ring/barrier.hpp>
#include <xenring/ring/fault.hpp>
#include <xenring/ring/shared_copy.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace xenring::ring {

/// The shared indices; entries begin right after them. Xen's are 32 bits wide.
template <std::unsigned_integral Index>
struct alignas(8) request_ring_header {
    Index req_prod;
    Index req_event;
    Index rsp_prod;
    Index rsp_event;
    std::byte reserved[64 - 4 * sizeof(Index)];
};

static_assert(sizeof(request_ring_header<std::uint32_t>) == 64);
static_assert(offsetof(request_ring_header<std::uint32_t>, rsp_event) == 12);

namespace detail {

enum class ring_side : std::uint8_t { front, back };

/// What front and back have in common: it sends `Outgoing` and receives `Incoming`.
///
/// They differ in how many more messages a side may have sent than it has received: a front a ring
/// full of requests, a back none beyond one response for each request.
template <ring_side Side, class Outgoing, class Incoming, class Index>
class ring_half {
    static constexpr bool is_front = Side == ring_side::front;

public:
    ring_half(const ring_half&) = delete;
    ring_half& operator=(const ring_half&) = delete;
    /// The source of a move must not be used again.
    ring_half(ring_half&&) noexcept = default;
    ring_half& operator=(ring_half&&) noexcept = default;

    /// Fills the next slot. The peer does not see it before publish(). False, and nothing written,
    /// if free() is 0, so in particular once poisoned.
    [[nodiscard]] bool push(const Outgoing& message) noexcept {
        if (free() == 0)
            return false;
        put(message);
        return true;
    }

    /// Fills a batch of slots, each with what make() returns: `most`, or as many as are free() if
    /// those are fewer. Says how many; make() is called as often.
    /// make() must not throw, and must leave this half alone.
    template <class Make>
    std::size_t push_each(std::size_t most, Make make) noexcept {
        const std::size_t count = std::min(most, free());
        walk(produced_, count, [&](std::byte* to) { copy_in<Outgoing>(to, make()); });
        return count;
    }

    /// Shows the peer everything that was pushed. True: the peer asked to be told, notify it now.
    [[nodiscard]] bool publish() noexcept {
        if (fault_ != fault::none || produced_ == published_)
            return false;
        const auto batch = static_cast<Index>(produced_ - published_);
        publish_index(our_producer(), produced_); // pairs with observe_index in refresh()
        published_ = produced_;
        store_load_fence(); // pairs with the fence in the peer's arm()
        const Index event = read_request(their_wish());
        return static_cast<Index>(produced_ - event) < batch;
    }

    /// Takes the oldest message out, as a private copy that the peer cannot change any more.
    /// False, and `message` as it was, if there is none, or if the ring is or becomes poisoned: see
    /// fault(). What is in the message is the peer's word: check it.
    [[nodiscard]] bool pop(Incoming& message) noexcept {
        if (known() == 0 && available() == 0)
            return false;
        if (known() > prefetched) // never a slot that the peer may be filling
            __builtin_prefetch(slot(static_cast<Index>(consumed_ + prefetched)));
        copy_out(message, slot(consumed_));
        ++consumed_;
        return true;
    }

    /// The same for a single message. In a loop the other form is faster: compilers move an
    /// optional about in memory.
    [[nodiscard]] std::optional<Incoming> pop() noexcept {
        Incoming message;
        return pop(message) ? std::optional(message) : std::nullopt;
    }

    /// Takes a batch out, oldest first, each message as a private copy that use(message) gets:
    /// `most`, or all that are there if those are fewer. Says how many. Looks at the peer's index
    /// once, or not at all if it is known that `most` are there.
    /// use() must not throw, and must leave this half alone: what is wrong with a message it notes,
    /// to poison() afterwards.
    template <class Use>
    std::size_t pop_each(std::size_t most, Use use) noexcept {
        const std::size_t count = std::min(most, known() < most ? available() : known());
        walk(consumed_, count, [&](const std::byte* from) {
            Incoming message;
            copy_out(message, from);
            use(static_cast<const Incoming&>(message));
        });
        return count;
    }

    /// Asks the peer to notify when `messages` more than were popped are there. True: they are
    /// there by now, or the ring is poisoned: do not sleep, look again. False: it will notify.
    /// Precondition: 1 <= messages <= capacity().
    [[nodiscard]] bool arm(Index messages = 1) noexcept {
        if (available() >= messages || fault_ != fault::none)
            return true;
        write_request(our_wish(), static_cast<Index>(consumed_ + messages));
        store_load_fence(); // pairs with the fence in the peer's publish()
        return available() >= messages || fault_ != fault::none;
    }

    /// Messages that can be popped now, by a fresh look at the peer's index; 0 if poisoned.
    [[nodiscard]] std::size_t available() noexcept {
        refresh();
        return known();
    }

    /// Messages that can be pushed now; 0 if poisoned. A front gets slots back by popping
    /// responses, a back by popping requests.
    [[nodiscard]] std::size_t free() const noexcept {
        return static_cast<Index>(credit_ - ahead());
    }

    /// Requests that were pushed (front) or popped (back) and have no response popped (front) or
    /// pushed (back) yet.
    [[nodiscard]] std::size_t in_flight() const noexcept {
        return is_front ? ahead() : static_cast<Index>(consumed_ - produced_);
    }

    /// Messages that were pushed and not published yet.
    [[nodiscard]] std::size_t unpublished() const noexcept {
        return static_cast<Index>(produced_ - published_);
    }

    /// Entries in the ring, a power of two.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// What went wrong first; fault::none as long as the ring works.
    [[nodiscard]] ring::fault fault() const noexcept { return fault_; }

    /// Stops this half for good with a fault that was found elsewhere; the first one is kept.
    void poison(ring::fault why) noexcept {
        if (fault_ != fault::none)
            return;
        fault_ = why;
        credit_ = ahead();     // nothing is free
        observed_ = consumed_; // and nothing is there
    }

protected:
    using header = request_ring_header<Index>;

    static constexpr std::size_t entry_align = std::max(alignof(Outgoing), alignof(Incoming));
    static constexpr std::size_t entry_size =
        (std::max(sizeof(Outgoing), sizeof(Incoming)) + entry_align - 1) / entry_align *
        entry_align;

    ring_half(std::span<std::byte> memory, Index at) noexcept
        : shared_(reinterpret_cast<header*>(memory.data())), produced_(at), published_(at),
          consumed_(at), observed_(at) {
        if (!usable(memory)) {
            poison(fault::unusable_memory);
            return;
        }
        capacity_ = entries_in(memory);
        credit_ = is_front ? capacity_ : Index{0};
    }

    /// Precondition: free() != 0.
    void put(const Outgoing& message) noexcept {
        copy_in(slot(produced_), message);
        ++produced_;
    }

    [[nodiscard]] static bool usable(std::span<std::byte> memory) noexcept {
        return std::bit_cast<std::uintptr_t>(memory.data()) % alignof(header) == 0 &&
               memory.size() >= sizeof(header) + entry_size;
    }

private:
    static_assert(ring_message<Outgoing> && ring_message<Incoming>);
    static_assert(entry_align <= alignof(header));

    /// How many slots ahead a slot is called from the peer's cache: two cache lines.
    static constexpr auto prefetched = static_cast<Index>((128 + entry_size - 1) / entry_size);

    /// At most half the range of the index, so that distances are never ambiguous.
    [[nodiscard]] static Index entries_in(std::span<std::byte> memory) noexcept {
        constexpr std::size_t most = std::numeric_limits<Index>::max() / 2u + 1u;
        const std::size_t fit = (memory.size() - sizeof(header)) / entry_size;
        return static_cast<Index>(std::min(std::bit_floor(fit), most));
    }

    [[nodiscard]] std::byte* slot(Index index) const noexcept {
        return reinterpret_cast<std::byte*>(shared_ + 1) +
               static_cast<std::size_t>(index & (capacity_ - 1u)) * entry_size;
    }

    /// Calls each(slot) for `count` slots from `position` on, and moves it behind them first. Slots
    /// lie in a row up to the end of the memory. Nothing in the loop waits for a slot, so that the
    /// processor reads ahead by itself.
    template <class Each>
    void walk(Index& position, std::size_t count, Each each) noexcept {
        while (count != 0) {
            std::byte* at = slot(position);
            const std::size_t to_end = capacity_ - (position & (capacity_ - 1u));
            std::size_t row = std::min(count, to_end);
            position = static_cast<Index>(position + row);
            count -= row;
            do {
                each(at);
                at += entry_size;
            } while (--row != 0);
        }
    }

    [[nodiscard]] Index& our_producer() const noexcept {
        return is_front ? shared_->req_prod : shared_->rsp_prod;
    }
    [[nodiscard]] Index& their_producer() const noexcept {
        return is_front ? shared_->rsp_prod : shared_->req_prod;
    }
    /// At which of their messages we want to be notified.
    [[nodiscard]] Index& our_wish() const noexcept {
        return is_front ? shared_->rsp_event : shared_->req_event;
    }
    [[nodiscard]] Index& their_wish() const noexcept {
        return is_front ? shared_->req_event : shared_->rsp_event;
    }

    /// How many more messages were pushed than popped; for a back negative, modulo 2^n.
    [[nodiscard]] Index ahead() const noexcept { return static_cast<Index>(produced_ - consumed_); }

    [[nodiscard]] std::size_t known() const noexcept {
        return static_cast<Index>(observed_ - consumed_);
    }

    /// The peer's producer lies between where it was seen last and the furthest that a correct peer
    /// can be: for a front one response to each request that it has published, for a back a ring
    /// full of requests beyond the responses.
    void refresh() noexcept {
        if (fault_ != fault::none)
            return;
        const Index seen = observe_index(their_producer()); // pairs with the peer's publish()
        const auto furthest = is_front ? published_ : static_cast<Index>(published_ + capacity_);
        if (static_cast<Index>(seen - observed_) > static_cast<Index>(furthest - observed_))
            [[unlikely]]
            return poison(what_is_wrong_with(seen));
        observed_ = seen;
    }

    [[nodiscard]] ring::fault what_is_wrong_with(Index seen) const noexcept {
        const auto arrived = static_cast<Index>(seen - consumed_);
        if (arrived > capacity_)
            return fault::producer_overrun;
        if (arrived < known())
            return fault::index_went_back;
        return is_front ? fault::unexpected_response : fault::producer_overrun;
    }

    header* shared_; // the entries follow it
    Index capacity_ = 0;
    Index credit_ = 0; // how far we may be ahead of what we popped
    Index produced_;   // ours, including what is pushed but not published
    Index published_;  // ours, as the peer may know it
    Index consumed_;   // ours: popped so far
    Index observed_;   // the peer's producer, as last seen
    ring::fault fault_ = fault::none;
};

} // namespace detail

/// The frontend's half: pushes requests, pops responses.
template <ring_message Request, ring_message Response, std::unsigned_integral Index = std::uint32_t>
class front_ring : public detail::ring_half<detail::ring_side::front, Request, Response, Index> {
    using half = detail::ring_half<detail::ring_side::front, Request, Response, Index>;

public:
    /// Writes a fresh ring into `memory` (indices 0, events 1, the rest of the header zero; entries
    /// are left alone) and takes it from there. Only the frontend may do that, and only before the
    /// backend maps it. `memory` is aligned to 8 bytes and holds the header and at least one
    /// entry, else the result has fault::unusable_memory.
    [[nodiscard]] static front_ring initialise(std::span<std::byte> memory) noexcept {
        if (half::usable(memory)) {
            typename half::header fresh{};
            fresh.req_event = 1;
            fresh.rsp_event = 1;
            __builtin_memcpy(memory.data(), &fresh, sizeof fresh);
        }
        return front_ring(memory, 0);
    }

    /// Takes over a running ring on which every request up to `index` was answered and every
    /// answer taken. Writes nothing.
    [[nodiscard]] static front_ring attach(std::span<std::byte> memory, Index index) noexcept {
        return front_ring(memory, index);
    }

private:
    front_ring(std::span<std::byte> memory, Index at) noexcept : half(memory, at) {}
};

/// The backend's half: pops requests, pushes responses.
template <ring_message Request, ring_message Response, std::unsigned_integral Index = std::uint32_t>
class back_ring : public detail::ring_half<detail::ring_side::back, Response, Request, Index> {
    using half = detail::ring_half<detail::ring_side::back, Response, Request, Index>;

public:
    /// Takes the ring over where its responses end, which on a fresh ring is 0. After a restart
    /// under a live guest that means: every request that the old backend took and did not answer
    /// is popped again. The memory was initialised by the frontend; nothing is written here.
    [[nodiscard]] static back_ring attach(std::span<std::byte> memory) noexcept {
        if (!half::usable(memory))
            return back_ring(memory, 0);
        auto& shared = *reinterpret_cast<typename half::header*>(memory.data());
        return back_ring(memory, read_own_index(shared.rsp_prod));
    }

    /// Takes the ring over at `index`: every request before it was answered.
    [[nodiscard]] static back_ring attach(std::span<std::byte> memory, Index index) noexcept {
        return back_ring(memory, index);
    }

    /// Pops a batch of requests and pushes answer(request), a response, for each at once: `most`,
    /// or all that are there if those are fewer. Says how many. There is always room: a request
    /// that was popped leaves its slot. Otherwise as pop_each().
    template <class Answer>
    std::size_t answer_each(std::size_t most, Answer answer) noexcept {
        return this->pop_each(most, [&](const Request& request) { this->put(answer(request)); });
    }

private:
    back_ring(std::span<std::byte> memory, Index at) noexcept : half(memory, at) {}
};

} // namespace xenring::ring
