// One end of an open vchan as a stream of bytes that never waits.
#pragma once

#include <xenring/vchan/buffer_list.hpp>
#include <xenring/vchan/channel.hpp>
#include <xenring/vchan/pacer.hpp>
#include <xenring/vchan/spinner.hpp>
#include <xenring/vchan/statistics.hpp>

#include <array>
#include <memory>
#include <span>

namespace xenring::vchan::detail {

/// What somebody waits for.
enum class need : std::uint8_t {
    read,      ///< bytes, or the end
    write,     ///< space
    connected, ///< the peer
    drained,   ///< that the peer has taken every byte
};
inline constexpr std::array every_need{need::read, need::write, need::connected, need::drained};

/// Several needs at once.
class need_set {
public:
    constexpr need_set() noexcept = default;
    constexpr need_set(need one) noexcept { add(one); }
    constexpr void add(need one) noexcept { bits_ |= 1U << static_cast<unsigned>(one); }
    constexpr bool has(need one) const noexcept {
        return (bits_ & 1U << static_cast<unsigned>(one)) != 0;
    }
    constexpr bool empty() const noexcept { return bits_ == 0; }

private:
    unsigned bits_ = 0;
};

/// The data path: bytes in and out of the rings, and why the stream ended.
///
/// Whoever wants to sleep does so in this order: take a ticket of the port, ask ready(), spin(),
/// arm(); if that says true begin again, else wait with the ticket. Not thread-safe.
class endpoint {
public:
    endpoint(std::unique_ptr<channel> opened, std::chrono::nanoseconds longest_spin);

    /// Moves what can be moved at once. would_block if that is nothing; else the end.
    std::size_t read(std::span<const boost::asio::mutable_buffer> buffers, error_code& ec) noexcept;
    std::size_t write(std::span<const boost::asio::const_buffer> buffers, error_code& ec) noexcept;

    /// The same in place. What is committed or consumed is published at once.
    ring::const_byte_spans data(error_code& ec) noexcept;
    void consume(std::size_t count) noexcept;
    ring::byte_spans prepare(std::size_t want, error_code& ec) noexcept;
    void commit(std::size_t count) noexcept;

    /// True if what is needed is there, or never will be: then with an error.
    bool ready(need what, error_code& ec) noexcept;

    /// Looks again and again for a short time; true once any of `what` is ready.
    bool spin(need_set what) noexcept;

    /// Call when an event has ended a sleep, and then, if that brought what was needed, paid().
    void woken() noexcept;
    void paid() noexcept { spinner_.paid(); }

    /// Asks the peer for an event. True: something came meanwhile, do not sleep.
    bool arm(need_set what) noexcept;

    /// Ends the stream with `why`, unless it has ended already. What arrived stays readable.
    void end(error_code why) noexcept;

    /// The peer is gone, and only the store can tell whether it closed or died; until end() is
    /// called with the answer, reads and writes would block. Only a client's end, and only when its
    /// server does not mark its closes.
    bool needs_verdict() const noexcept { return needs_verdict_ && !end_; }

    /// Why reads end; nothing while they do not.
    error_code ended() const noexcept { return end_; }
    /// Whether a client was ever seen (always, for a client's end).
    bool peer_seen() const noexcept { return peer_seen_; }

    channel& wire() noexcept { return *channel_; }
    statistics& counters() noexcept { return counters_; }
    const statistics& counters() const noexcept { return counters_; }

private:
    void look_at_peer() noexcept;
    void look_for_fault() noexcept;
    void peer_left() noexcept;
    error_code write_end() const noexcept;
    bool has_bytes() noexcept;
    bool has_space() noexcept;
    void notify() noexcept;
    std::size_t take(std::span<const boost::asio::mutable_buffer> buffers) noexcept;
    std::size_t put(std::span<const boost::asio::const_buffer> buffers) noexcept;
    ring::const_byte_spans look_for_bytes(std::size_t want) noexcept;
    void publish_input() noexcept;
    void publish_output() noexcept;

    std::unique_ptr<channel> channel_;
    spinner spinner_;
    std::size_t input_piece_, output_piece_;
    pacer input_pacer_;
    statistics counters_;
    error_code end_;
    bool peer_seen_;
    bool needs_verdict_ = false;
};

} // namespace xenring::vchan::detail
