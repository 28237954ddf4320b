#include <xenring/backend/frame_exchange.hpp>

#include <algorithm>
#include <utility>

namespace xenring::backend {
namespace {

using shelf_bytes = boost::circular_buffer<std::byte>;

void put(shelf_bytes& shelf, std::span<const std::byte> bytes) {
    shelf.insert(shelf.end(), bytes.begin(), bytes.end());
}

void take_out(shelf_bytes& shelf, std::span<std::byte> bytes) {
    const auto count = static_cast<shelf_bytes::difference_type>(bytes.size());
    std::copy(shelf.begin(), shelf.begin() + count, bytes.begin());
    shelf.erase_begin(bytes.size());
}

} // namespace

bool frame_exchange::leave(std::size_t from, std::size_t to, const net::virtio_header& header,
                           std::span<const std::byte> frame) {
    auto& [bytes, frames, wake] = shelves_[to];
    if (bytes.reserve() < sizeof(label) + frame.size())
        return false;
    const label what{header, frame.size()};
    put(bytes, std::as_bytes(std::span{&what, 1}));
    put(bytes, frame);
    ++frames;
    if (from != to && wake)
        wake();
    return true;
}

std::size_t frame_exchange::take(std::size_t queue, net::virtio_header& header,
                                 std::span<std::byte> frame) {
    auto& [bytes, frames, wake] = shelves_[queue];
    if (frames == 0)
        return 0;
    label what;
    take_out(bytes, std::as_writable_bytes(std::span{&what, 1}));
    take_out(bytes, frame.first(what.size));
    --frames;
    header = what.header;
    return what.size;
}

std::size_t frame_exchange::clear(std::size_t queue) noexcept {
    shelves_[queue].bytes.clear();
    return std::exchange(shelves_[queue].frames, 0);
}

} // namespace xenring::backend
