#include <xenring/backend/frame_exchange.hpp>

#include <algorithm>

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

bool frame_exchange::leave(std::size_t queue, const net::virtio_header& header,
                           std::span<const std::byte> frame) {
    auto& [bytes, wake] = shelves_[queue];
    if (bytes.reserve() < sizeof(label) + frame.size())
        return false;
    const label what{header, frame.size()};
    put(bytes, std::as_bytes(std::span{&what, 1}));
    put(bytes, frame);
    if (wake)
        wake();
    return true;
}

std::size_t frame_exchange::take(std::size_t queue, net::virtio_header& header,
                                 std::span<std::byte> frame) {
    auto& bytes = shelves_[queue].bytes;
    if (bytes.empty())
        return 0;
    label what;
    take_out(bytes, std::as_writable_bytes(std::span{&what, 1}));
    take_out(bytes, frame.first(what.size));
    header = what.header;
    return what.size;
}

} // namespace xenring::backend
