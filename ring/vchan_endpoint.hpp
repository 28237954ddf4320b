#pragma once

/// One side of a vchan: a byte producer and a byte consumer bound to the control page.
///
/// Wake-ups follow three rules, and nothing else in the project decides about them:
///  - whoever publishes an index passes a full fence, and then takes the peer's request bit and
///    notifies if it was set: publish() returns that;
///  - whoever wants to sleep sets its request bit, passes a full fence and looks again: arm();
///  - whatever was committed or consumed is published before sleeping, closing or idling, or the
///    peer sleeps on it for ever: the caller's duty.
/// Every wake-up is a hint: one event serves both directions, connecting and closing.
///
/// A reader's loop: data() until empty; publish(); ended()? then stop; arm()? then again; sleep.
///
/// Neither half owns the memory. Thread safety: one thread at a time for each half; the two halves
/// of an endpoint may run in different threads.

#include <xenring/ring/barrier.hpp>
#include <xenring/ring/byte_ring.hpp>
#include <xenring/ring/fault.hpp>
#include <xenring/ring/vchan_page.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace xenring::ring {

/// What we write and the peer reads: the left ring for a client, the right one for a server.
class vchan_output {
public:
    /// Takes the direction over at the indices in the page. `ring` is the whole ring, 2^order
    /// bytes by the checked geometry, in the page or mapped from its own pages, writable.
    vchan_output(vchan_page page, vchan_role role, std::span<std::byte> ring) noexcept
        : page_(page), role_(role), bytes_(indices().prod, indices().cons, ring) {}

    /// See byte_producer: free space in place, at most `want` bytes.
    [[nodiscard]] byte_spans prepare(std::size_t want) noexcept { return bytes_.prepare(want); }

    /// See byte_producer: takes the first `count` prepared bytes as written.
    void commit(std::size_t count) noexcept { bytes_.commit(count); }

    /// Shows the peer what was committed. True: the peer asked to be told, notify it now.
    [[nodiscard]] bool publish() noexcept {
        if (!bytes_.publish())
            return false;
        store_load_fence(); // pairs with the fence of the peer's arm() on its input
        std::uint8_t& asked = page_.notify_byte(role_);
        return (read_request(asked) & vchan_notify_write) != 0 &&
               take_request(asked, vchan_notify_write);
    }

    /// Asks the peer to tell us when it has consumed. True: `wanted` bytes are free by now, or the
    /// half is poisoned: do not sleep, look again. False: the peer will notify.
    /// `wanted` is at least 1 and at most capacity(); publish() first.
    [[nodiscard]] bool arm(std::size_t wanted = 1) noexcept {
        set_request(page_.notify_byte(vchan_page::other(role_)), vchan_notify_read);
        store_load_fence(); // pairs with the fence of the peer's publish() on its input
        return bytes_.free() >= wanted || fault() != fault::none;
    }

    /// True: the peer asks for bytes although there are some that it has not read; notify it. To be
    /// called before sleeping until it reads. A peer that looks again after it asked never needs
    /// this; one that does not (Zephyr's driver) has overlooked what was written in between.
    [[nodiscard]] bool peer_overlooked() noexcept {
        std::uint8_t& asked = page_.notify_byte(role_);
        return !drained() && (read_request(asked) & vchan_notify_write) != 0 &&
               take_request(asked, vchan_notify_write);
    }

    /// Bytes that can be written now; 0 if poisoned.
    [[nodiscard]] std::size_t free() noexcept { return bytes_.free(); }

    /// Bytes committed but not yet published.
    [[nodiscard]] std::size_t unpublished() const noexcept { return bytes_.unpublished(); }

    /// True once the peer has consumed every byte that was published.
    [[nodiscard]] bool drained() noexcept { return bytes_.free() == bytes_.capacity(); }

    /// Size of the ring in bytes.
    [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }

    /// False once the peer is gone; what is written then nobody reads. A server's writes before a
    /// client exists are kept for it, so "not yet" is open. A live byte that means nothing poisons.
    [[nodiscard]] bool peer_open() noexcept {
        const vchan_live live = page_.peer_live(role_);
        if (live == vchan_live::invalid)
            bytes_.poison(fault::bad_live_byte);
        return live == vchan_live::connected || live == vchan_live::not_yet;
    }

    /// What went wrong first; fault::none as long as the half works.
    [[nodiscard]] ring::fault fault() const noexcept { return bytes_.fault(); }

private:
    [[nodiscard]] vchan_indices& indices() const noexcept {
        return role_ == vchan_role::client ? page_.control().left : page_.control().right;
    }

    vchan_page page_;
    vchan_role role_;
    byte_producer bytes_;
};

/// What the peer writes and we read: the right ring for a client, the left one for a server.
class vchan_input {
public:
    /// Takes the direction over at the indices in the page: bytes that were there already, from an
    /// earlier connection too, are read. `ring` is the whole ring, 2^order bytes by the checked
    /// geometry; a client maps it read-only.
    vchan_input(vchan_page page, vchan_role role, std::span<const std::byte> ring) noexcept
        : page_(page), role_(role), bytes_(indices().cons, indices().prod, ring) {}

    /// See byte_consumer: what is there, in place; looks at the page if fewer than `want` are
    /// known.
    [[nodiscard]] const_byte_spans data(std::size_t want = 1) noexcept { return bytes_.data(want); }

    /// See byte_consumer: takes the first `count` offered bytes as read.
    void consume(std::size_t count) noexcept { bytes_.consume(count); }

    /// Gives back the space that was consumed. True: the peer asked to be told, notify it now.
    [[nodiscard]] bool publish() noexcept {
        if (!bytes_.publish())
            return false;
        store_load_fence(); // pairs with the fence of the peer's arm() on its output
        std::uint8_t& asked = page_.notify_byte(role_);
        return (read_request(asked) & vchan_notify_read) != 0 &&
               take_request(asked, vchan_notify_read);
    }

    /// Asks the peer to tell us when it has written. True: `wanted` bytes are there by now, or the
    /// half is poisoned: do not sleep, look again. False: the peer will notify.
    /// `wanted` is at least 1 and at most capacity(); publish() first.
    [[nodiscard]] bool arm(std::size_t wanted = 1) noexcept {
        set_request(page_.notify_byte(vchan_page::other(role_)), vchan_notify_write);
        store_load_fence(); // pairs with the fence of the peer's publish() on its output
        return bytes_.available() >= wanted || fault() != fault::none;
    }

    /// Bytes that can be read now; 0 if poisoned.
    [[nodiscard]] std::size_t available() noexcept { return bytes_.available(); }

    /// Bytes consumed but not yet given back.
    [[nodiscard]] std::size_t unpublished() const noexcept { return bytes_.unpublished(); }

    /// Size of the ring in bytes.
    [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }

    /// End of stream: the peer is gone and every byte that it published has been consumed. Looks at
    /// the live byte first and at the index after it, so nothing that the peer wrote before it
    /// closed is lost. A live byte that means nothing poisons the half (and is no end).
    [[nodiscard]] bool ended() noexcept {
        const vchan_live live = page_.peer_live(role_); // pairs with the peer's close()
        if (live == vchan_live::invalid)
            bytes_.poison(fault::bad_live_byte);
        return live == vchan_live::gone && bytes_.available() == 0 && fault() == fault::none;
    }

    /// What went wrong first; fault::none as long as the half works.
    [[nodiscard]] ring::fault fault() const noexcept { return bytes_.fault(); }

private:
    [[nodiscard]] vchan_indices& indices() const noexcept {
        return role_ == vchan_role::client ? page_.control().right : page_.control().left;
    }

    vchan_page page_;
    vchan_role role_;
    byte_consumer bytes_;
};

} // namespace xenring::ring
