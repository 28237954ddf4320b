// Any Asio buffer sequence as a plain array, so that templates end here.
#pragma once

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

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
        for (auto at = boost::asio::buffer_sequence_begin(sequence); at != end && count_ != most;
             ++at)
            if (const Buffer buffer{*at}; buffer.size() != 0)
                std::construct_at(&storage_.buffers[count_++], buffer);
    }

    bool empty() const noexcept { return count_ == 0; }
    std::span<const Buffer> buffers() const noexcept { return {storage_.buffers, count_}; }

private:
    static constexpr std::size_t most = 16;

    /// Buffers come into being as they are added: filling all with nothing costs more than the
    /// rest of a small write.
    union storage {
        storage() noexcept {} // NOLINT(modernize-use-equals-default): that would be deleted
        Buffer buffers[most];
    };
    static_assert(std::is_trivially_copyable_v<Buffer>);

    storage storage_;
    std::size_t count_ = 0;
};

using mutable_buffers = buffer_list<boost::asio::mutable_buffer>;
using const_buffers = buffer_list<boost::asio::const_buffer>;

} // namespace xenring::vchan::detail
