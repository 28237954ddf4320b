#include <xenring/frontend/frames.hpp>
#include <xenring/ring/shared_copy.hpp>

namespace xenring::frontend {

std::size_t outgoing_frame::fill(std::span<const std::byte> bytes, std::size_t at) noexcept {
    std::size_t copied = 0;
    for (const auto& piece : pieces()) {
        if (at >= piece.size()) {
            at -= piece.size();
            continue;
        }
        copied += ring::copy_bytes_in(piece.subspan(at), bytes.subspan(copied));
        at = 0;
    }
    return copied;
}

std::span<std::byte> outgoing_frame::prepend(std::size_t bytes) noexcept {
    headroom_ -= bytes;
    auto& first = pieces_[0];
    first = {first.data() - bytes, first.size() + bytes};
    return first.first(bytes);
}

void outgoing_frame::shrink(std::size_t bytes) noexcept {
    std::size_t excess = size() - bytes;
    while (excess != 0) {
        auto& last = pieces_[pieces_.count() - 1];
        if (last.size() > excess) {
            last = last.first(last.size() - excess);
            return;
        }
        excess -= last.size();
        pieces_.drop_last();
    }
}

std::size_t received_frame::copy_to(std::span<std::byte> to) const noexcept {
    std::size_t copied = 0;
    for (const auto& piece : pieces())
        copied += ring::copy_bytes_out(to.subspan(copied), piece);
    return copied;
}

} // namespace xenring::frontend
