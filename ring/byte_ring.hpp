#pragma once

/// A byte ring: two free-running indices and a power-of-two buffer in shared memory.
///
/// One domain holds a byte_producer, the other a byte_consumer; both see the bytes in place, in at
/// most two spans where the buffer wraps. prod - cons bytes are in the ring; a full ring
/// (prod - cons == size) is legal. The layout of the index words is the protocol's (vchan, console,
/// store and 9pfs differ), so the two words are passed by reference.
///
/// Own indices are private: the page holds copies of them for the peer to see, and a peer that
/// overwrites those harms only itself. The peer's index is cached, read again only when the cache
/// promises too little, once per call, and checked; an impossible one poisons the half.
/// commit() and consume() move only the private index, publish() shows it to the peer, so several
/// of them may be published at once. Whether to notify is the protocol's question.
///
/// Every call is O(1). Thread safety: one thread at a time for each half; the two halves, in one
/// process or in two domains, need no further lock.

#include <xenring/ring/barrier.hpp>
#include <xenring/ring/fault.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace xenring::ring {

/// A stretch of the ring: `second` continues `first` where the buffer wraps, else it is empty.
template <class Byte>
struct basic_byte_spans {
    std::span<Byte> first;
    std::span<Byte> second;

    [[nodiscard]] std::size_t size() const noexcept { return first.size() + second.size(); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
};

using byte_spans = basic_byte_spans<std::byte>;
using const_byte_spans = basic_byte_spans<const std::byte>;

namespace detail {

/// Half the range of the index: used and free must both be unambiguous.
template <std::unsigned_integral Index>
[[nodiscard]] constexpr bool usable_ring_size(std::size_t size) noexcept {
    const bool power_of_two = size != 0 && (size & (size - 1)) == 0;
    return power_of_two && size <= std::numeric_limits<Index>::max() / 2u + 1u;
}

template <class Byte, std::unsigned_integral Index>
[[nodiscard]] basic_byte_spans<Byte> spans_at(std::span<Byte> buffer, Index index,
                                              std::size_t count) noexcept {
    if (count == 0)
        return {};
    const std::size_t start = index & (buffer.size() - 1);
    const std::size_t to_end = buffer.size() - start;
    if (count <= to_end)
        return {buffer.subspan(start, count), {}};
    return {buffer.subspan(start), buffer.first(count - to_end)};
}

} // namespace detail

/// The writing half of a byte ring.
///
/// Neither owns nor frees the memory; index words and buffer must outlive it.
template <std::unsigned_integral Index>
class basic_byte_producer {
public:
    /// Takes the half over at the indices that stand in the page: a fresh ring has zeros, a reused
    /// one goes on where it was. The own index is read here and never again.
    /// `producer` is ours to write, `consumer` the peer's; both naturally aligned. A buffer that
    /// is not a power of two, or indices further apart than its size, give a fault at once.
    basic_byte_producer(Index& producer, Index& consumer, std::span<std::byte> buffer) noexcept
        : shared_producer_(&producer), shared_consumer_(&consumer), buffer_(buffer),
          producer_(read_own_index(producer)), published_(producer_),
          consumer_(observe_index(consumer)) {
        if (!detail::usable_ring_size<Index>(buffer.size()))
            poison(fault::unusable_memory);
        else if (used() > buffer_.size())
            poison(fault::consumer_overrun);
    }

    basic_byte_producer(const basic_byte_producer&) = delete;
    basic_byte_producer& operator=(const basic_byte_producer&) = delete;
    /// The source of a move must not be used again.
    basic_byte_producer(basic_byte_producer&&) noexcept = default;
    basic_byte_producer& operator=(basic_byte_producer&&) noexcept = default;

    /// Offers free space to write to: min(want, free) bytes, empty if the ring is full or poisoned.
    /// Looks at the peer's index only if less than `want` is known to be free. The spans are
    /// shared memory: the peer may read them, and write them if it maps the page writable, at any
    /// time, so do not read back what was written. Valid until the next commit().
    [[nodiscard]] byte_spans prepare(std::size_t want) noexcept {
        if (known_free() < want)
            refresh();
        return detail::spans_at(buffer_, producer_, std::min(known_free(), want));
    }

    /// Takes the first `count` bytes of what prepare() offered as written. The peer does not see
    /// them before publish(). More than is known to be free poisons the half (over_commit).
    void commit(std::size_t count) noexcept {
        if (fault_ != fault::none)
            return;
        if (count > known_free())
            return poison(fault::over_commit);
        producer_ = static_cast<Index>(producer_ + count);
    }

    /// Shows the peer everything that was committed; returns whether there was anything to show.
    bool publish() noexcept {
        if (fault_ != fault::none || producer_ == published_)
            return false;
        publish_index(*shared_producer_, producer_); // pairs with observe_index in the consumer
        published_ = producer_;
        return true;
    }

    /// Bytes that can be written now, by a fresh look at the peer's index; 0 if poisoned.
    [[nodiscard]] std::size_t free() noexcept {
        refresh();
        return known_free();
    }

    /// Committed bytes that publish() has not shown yet.
    [[nodiscard]] std::size_t unpublished() const noexcept {
        return static_cast<Index>(producer_ - published_);
    }

    /// Size of the ring in bytes.
    [[nodiscard]] std::size_t capacity() const noexcept { return buffer_.size(); }

    /// What went wrong first; fault::none as long as the half works.
    [[nodiscard]] ring::fault fault() const noexcept { return fault_; }

    /// Stops the half for good with a fault that was found elsewhere; the first one is kept.
    void poison(ring::fault why) noexcept {
        if (fault_ == fault::none)
            fault_ = why;
    }

private:
    [[nodiscard]] Index used() const noexcept { return static_cast<Index>(producer_ - consumer_); }

    [[nodiscard]] std::size_t known_free() const noexcept {
        return fault_ != fault::none ? 0 : buffer_.size() - used();
    }

    void refresh() noexcept {
        if (fault_ != fault::none)
            return;
        const Index seen = observe_index(*shared_consumer_); // pairs with the consumer's publish
        const auto unread = static_cast<Index>(published_ - seen);
        if (unread > buffer_.size())
            return poison(fault::consumer_overrun);
        if (unread > static_cast<Index>(published_ - consumer_))
            return poison(fault::index_went_back);
        consumer_ = seen;
    }

    Index* shared_producer_;
    Index* shared_consumer_;
    std::span<std::byte> buffer_;
    Index producer_;  // ours, including what is committed but not published
    Index published_; // ours, as the peer may know it
    Index consumer_;  // the peer's, as last seen
    ring::fault fault_ = fault::none;
};

/// The reading half of a byte ring. `buffer` may be mapped read-only.
///
/// Neither owns nor frees the memory; index words and buffer must outlive it.
template <std::unsigned_integral Index>
class basic_byte_consumer {
public:
    /// Takes the half over at the indices that stand in the page, like the producer's constructor.
    /// `consumer` is ours to write, `producer` the peer's.
    basic_byte_consumer(Index& consumer, Index& producer,
                        std::span<const std::byte> buffer) noexcept
        : shared_consumer_(&consumer), shared_producer_(&producer), buffer_(buffer),
          consumer_(read_own_index(consumer)), published_(consumer_),
          producer_(observe_index(producer)) {
        if (!detail::usable_ring_size<Index>(buffer.size()))
            poison(fault::unusable_memory);
        else if (static_cast<Index>(producer_ - consumer_) > buffer_.size())
            poison(fault::producer_overrun);
    }

    basic_byte_consumer(const basic_byte_consumer&) = delete;
    basic_byte_consumer& operator=(const basic_byte_consumer&) = delete;
    /// The source of a move must not be used again.
    basic_byte_consumer(basic_byte_consumer&&) noexcept = default;
    basic_byte_consumer& operator=(basic_byte_consumer&&) noexcept = default;

    /// The bytes that are known to be there, oldest first; empty if there are none or the half is
    /// poisoned. Looks at the peer's index only if fewer than `want` are known, and returns all it
    /// knows, be that more or less than `want`. The spans are shared memory that a hostile peer can
    /// change while it is read: copy out what is to be interpreted, look at the copy. Valid until
    /// the next publish().
    [[nodiscard]] const_byte_spans data(std::size_t want = 1) noexcept {
        if (known() < want)
            refresh();
        return detail::spans_at(buffer_, consumer_, known());
    }

    /// Takes the first `count` bytes of what data() offered as read. The peer does not get the
    /// space back before publish(). More than is known to be there poisons the half (over_consume).
    void consume(std::size_t count) noexcept {
        if (fault_ != fault::none)
            return;
        if (count > known())
            return poison(fault::over_consume);
        consumer_ = static_cast<Index>(consumer_ + count);
    }

    /// Gives the peer back everything that was consumed; returns whether there was anything.
    bool publish() noexcept {
        if (fault_ != fault::none || consumer_ == published_)
            return false;
        publish_index(*shared_consumer_, consumer_); // pairs with observe_index in the producer
        published_ = consumer_;
        return true;
    }

    /// Bytes that can be read now, by a fresh look at the peer's index; 0 if poisoned.
    [[nodiscard]] std::size_t available() noexcept {
        refresh();
        return known();
    }

    /// Consumed bytes that publish() has not given back yet.
    [[nodiscard]] std::size_t unpublished() const noexcept {
        return static_cast<Index>(consumer_ - published_);
    }

    /// Size of the ring in bytes.
    [[nodiscard]] std::size_t capacity() const noexcept { return buffer_.size(); }

    /// What went wrong first; fault::none as long as the half works.
    [[nodiscard]] ring::fault fault() const noexcept { return fault_; }

    /// Stops the half for good with a fault that was found elsewhere; the first one is kept.
    void poison(ring::fault why) noexcept {
        if (fault_ == fault::none)
            fault_ = why;
    }

private:
    [[nodiscard]] std::size_t known() const noexcept {
        return fault_ != fault::none ? 0 : static_cast<Index>(producer_ - consumer_);
    }

    void refresh() noexcept {
        if (fault_ != fault::none)
            return;
        const Index seen = observe_index(*shared_producer_); // pairs with the producer's publish
        // The producer may fill only what was published as free, not what we merely consumed.
        const auto filled = static_cast<Index>(seen - published_);
        if (filled > buffer_.size())
            return poison(fault::producer_overrun);
        if (filled < static_cast<Index>(producer_ - published_))
            return poison(fault::index_went_back);
        producer_ = seen;
    }

    Index* shared_consumer_;
    Index* shared_producer_;
    std::span<const std::byte> buffer_;
    Index consumer_;  // ours, including what is consumed but not published
    Index published_; // ours, as the peer may know it
    Index producer_;  // the peer's, as last seen
    ring::fault fault_ = fault::none;
};

using byte_producer = basic_byte_producer<std::uint32_t>;
using byte_consumer = basic_byte_consumer<std::uint32_t>;

} // namespace xenring::ring
