// Grant copies in batches: what Linux's IOCTL_GNTDEV_GRANT_COPY refuses as a whole is sorted out
// here, so that one bad segment does not stop the others.
#include <xenring/grant/xen/grant_table.hpp>

extern "C" { // these headers say nothing of C++
#include <xengnttab.h>
}

#include <algorithm>
#include <array>
#include <cerrno>

namespace xenring::xen {
namespace {

/// Segments a call; the array lives on the stack, and the kernel cuts batches to 16 anyway.
constexpr std::size_t batch_size = 64;

bool is_local_only(const copy_segment& segment) noexcept {
    return !std::holds_alternative<granted_memory>(segment.source) &&
           !std::holds_alternative<granted_memory>(segment.destination);
}

template <class Side>
bool passes_page_end(const Side& side, std::uint16_t length) noexcept {
    const auto* granted = std::get_if<granted_memory>(&side);
    return granted && std::size_t{granted->offset} + length > page_size;
}

template <class Side>
bool fill(xengnttab_grant_copy_segment::xengnttab_copy_ptr& out, const Side& side) noexcept {
    if (const auto* granted = std::get_if<granted_memory>(&side)) {
        out.foreign = {granted->reference.value, granted->offset, granted->owner.value};
        return true;
    }
    // The library's one pointer type serves both sides; it only reads from a source.
    out.virt = const_cast<std::byte*>(std::get<0>(side));
    return false;
}

xengnttab_grant_copy_segment translate(const copy_segment& segment) noexcept {
    xengnttab_grant_copy_segment out{};
    out.len = segment.length;
    if (fill(out.source, segment.source))
        out.flags |= GNTCOPY_source_gref;
    if (fill(out.dest, segment.destination))
        out.flags |= GNTCOPY_dest_gref;
    return out;
}

/// One call of the library for up to batch_size segments. Returns how many it took in.
std::size_t copy_batch(xengnttab_handle* handle, std::span<copy_segment> segments,
                       error_code& ec) noexcept {
    std::array<xengnttab_grant_copy_segment, batch_size> batch;
    std::array<copy_segment*, batch_size> origin;
    std::size_t taken = 0;
    std::size_t used = 0;
    for (; taken < segments.size() && used < batch_size; ++taken) {
        auto& segment = segments[taken];
        if (passes_page_end(segment.source, segment.length) ||
            passes_page_end(segment.destination, segment.length)) {
            segment.status = grant_status::bad_copy_argument;
            continue;
        }
        batch[used] = translate(segment);
        origin[used++] = &segment;
    }
    const bool done = used == 0 || xengnttab_grant_copy(handle, static_cast<std::uint32_t>(used),
                                                        batch.data()) == 0;
    if (!done)
        ec = errno_code(errno);
    // After an errno the statuses mean nothing: the kernel writes "okay" before it tries.
    for (std::size_t i = 0; i < used; ++i)
        origin[i]->status =
            done ? static_cast<grant_status>(batch[i].status) : grant_status::general_error;
    return taken;
}

} // namespace

void grant_table::copy(std::span<copy_segment> segments, error_code& ec) noexcept {
    ec.clear();
    for (auto& segment : segments)
        segment.status = grant_status::general_error;
    if (std::any_of(segments.begin(), segments.end(), is_local_only)) {
        ec = errno_code(EINVAL);
        return;
    }
    auto* handle = gntdev_.get(ec);
    while (!ec && !segments.empty())
        segments = segments.subspan(copy_batch(handle, segments, ec));
}

} // namespace xenring::xen
