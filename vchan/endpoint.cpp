// The data path of an endpoint: what moves bytes. What waits and what ends is in endpoint_wait.cpp.
#include <xenring/ring/shared_copy.hpp>
#include <xenring/vchan/endpoint.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace xenring::vchan::detail {
namespace {

namespace asio = boost::asio;

/// Copies as much as there is, and as there is room for; how much that was.
std::size_t copy_out(std::span<std::byte> to, const ring::const_byte_spans& from) noexcept {
    const auto count = ring::copy_bytes_out(to, from.first);
    return count + ring::copy_bytes_out(to.subspan(count), from.second);
}

std::size_t copy_in(const ring::byte_spans& to, std::span<const std::byte> from) noexcept {
    const auto count = ring::copy_bytes_in(to.first, from);
    return count + ring::copy_bytes_in(to.second, from.subspan(count));
}

/// What is copied between two looks at the peer and shown to it as a whole: a part of the ring, so
/// that both ends of a long transfer work at the same time, and little enough to stay in a cache.
std::size_t piece_of(std::size_t capacity) noexcept {
    return std::clamp<std::size_t>(capacity / 8, 256, 65536);
}

} // namespace

endpoint::endpoint(std::unique_ptr<channel> opened, std::chrono::nanoseconds longest_spin)
    : channel_{std::move(opened)}, spinner_{longest_spin}, input_piece_{piece_of(
                                                               channel_->input.capacity())},
      output_piece_{piece_of(channel_->output.capacity())}, input_pacer_{longest_spin.count() != 0},
      peer_seen_{channel_->names.role == ring::vchan_role::client} {}

std::size_t endpoint::read(std::span<const asio::mutable_buffer> buffers, error_code& ec) noexcept {
    ec.clear();
    if (const auto count = take(buffers))
        return count;
    look_at_peer(); // the live byte first, then the index: no last word is lost
    if (const auto count = take(buffers))
        return count;
    look_for_fault();
    ec = end_ ? end_ : error_code{asio::error::would_block};
    return 0;
}

/// Until less is there than there is room for.
std::size_t endpoint::take(std::span<const asio::mutable_buffer> buffers) noexcept {
    auto& input = channel_->input;
    std::size_t taken = 0;
    bool more = true;
    for (auto buffer = buffers.begin(); more && buffer != buffers.end(); ++buffer) {
        std::span to{static_cast<std::byte*>(buffer->data()), buffer->size()};
        while (more && !to.empty()) {
            const auto want = std::min(to.size(), input_piece_);
            const auto count = copy_out(to.first(want), look_for_bytes(want));
            more = count == want;
            to = to.subspan(count);
            taken += count;
            input.consume(count);
            if (input.unpublished() >= input_piece_)
                publish_input();
        }
    }
    publish_input();
    if (taken != 0) {
        counters_.bytes_read += taken;
        ++counters_.reads;
    }
    return taken;
}

/// What is known to be there, after a look at the peer's index if that is less than `want`.
ring::const_byte_spans endpoint::look_for_bytes(std::size_t want) noexcept {
    auto& input = channel_->input;
    const auto known = input.data(0);
    if (known.size() >= want)
        return known;
    input_pacer_.keep_distance();
    const auto all = input.data(want);
    input_pacer_.found(all.size());
    return all;
}

std::size_t endpoint::write(std::span<const asio::const_buffer> buffers, error_code& ec) noexcept {
    ec.clear();
    look_at_peer();
    if (!end_ && !needs_verdict_)
        if (const auto count = put(buffers))
            return count;
    look_for_fault();
    ec = end_ ? write_end() : error_code{asio::error::would_block};
    return 0;
}

/// Until the ring is full.
std::size_t endpoint::put(std::span<const asio::const_buffer> buffers) noexcept {
    auto& output = channel_->output;
    std::size_t written = 0;
    bool more = true;
    for (auto buffer = buffers.begin(); more && buffer != buffers.end(); ++buffer) {
        std::span from{static_cast<const std::byte*>(buffer->data()), buffer->size()};
        while (more && !from.empty()) {
            const auto want = std::min(from.size(), output_piece_);
            const auto count = copy_in(output.prepare(want), from);
            more = count == want;
            from = from.subspan(count);
            written += count;
            output.commit(count);
            if (output.unpublished() >= output_piece_)
                publish_output();
        }
    }
    publish_output();
    if (written != 0) {
        counters_.bytes_written += written;
        ++counters_.writes;
    }
    return written;
}

void endpoint::publish_input() noexcept {
    if (channel_->input.publish())
        notify();
}

void endpoint::publish_output() noexcept {
    if (channel_->output.publish())
        notify();
}

ring::const_byte_spans endpoint::data(error_code& ec) noexcept {
    ec.clear();
    auto& input = channel_->input;
    auto spans = input.data();
    if (!spans.empty())
        return spans;
    look_at_peer();
    spans = input.data();
    look_for_fault();
    if (spans.empty())
        ec = end_ ? end_ : error_code{asio::error::would_block};
    return spans;
}

void endpoint::consume(std::size_t count) noexcept {
    channel_->input.consume(count);
    counters_.bytes_read += count;
    ++counters_.reads;
    publish_input();
}

ring::byte_spans endpoint::prepare(std::size_t want, error_code& ec) noexcept {
    look_at_peer();
    ec = write_end();
    if (ec)
        return {};
    const auto spans = needs_verdict_ ? ring::byte_spans{} : channel_->output.prepare(want);
    if (!spans.empty())
        return spans;
    look_for_fault();
    ec = end_ ? write_end() : error_code{asio::error::would_block};
    return {};
}

void endpoint::commit(std::size_t count) noexcept {
    channel_->output.commit(count);
    counters_.bytes_written += count;
    ++counters_.writes;
    publish_output();
}

void endpoint::notify() noexcept {
    ++counters_.notifications;
    channel_->notify();
}

} // namespace xenring::vchan::detail
