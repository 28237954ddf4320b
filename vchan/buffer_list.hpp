// Any Asio buffer sequence as a plain array, so that templates end here.
#pragma once

#include <boost/asio/buffer.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace xenring::vchan::detail {

/// The first 16 buffers of a sequence that are not empty: a read or write of "some" may do less
/// than was asked.
template <class Buffer>
class buffer_list {
public:
    buffer_list() noexcept = default;

    template <class BufferSequence>
    explicit buffer_list(const BufferSequence& sequence) noexcept {
        const auto end = boost::asio::buffer_sequence_end(sequence);
        for (auto at = boost::asio::buffer_sequence_begin(sequence);
             at != end && count_ != buffers_.size(); ++at)
            if (const Buffer buffer{*at}; buffer.size() != 0)
                buffers_[count_++] = buffer;
    }

    bool empty() const noexcept { return count_ == 0; }
    std::span<const Buffer> buffers() const noexcept { return std::span{buffers_}.first(count_); }

private:
    std::array<Buffer, 16> buffers_;
    std::size_t count_ = 0;
};

using mutable_buffers = buffer_list<boost::asio::mutable_buffer>;
using const_buffers = buffer_list<boost::asio::const_buffer>;

} // namespace xenring::vchan::detail
