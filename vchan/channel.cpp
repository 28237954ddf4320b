#include <xenring/vchan/channel.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace xenring::vchan::detail {
namespace {

std::span<std::byte, ring::page_size> control_page(const channel_memory& memory) noexcept {
    const auto& bytes =
        memory.granted_control ? memory.granted_control.bytes() : memory.mapped_control.bytes();
    return bytes.first<ring::page_size>();
}

/// What we write: the right ring as a server, the left one as a client.
std::span<std::byte> output_ring(ring::vchan_role role, ring::vchan_geometry geometry,
                                 ring::vchan_page page, const channel_memory& memory) noexcept {
    const bool server = role == ring::vchan_role::server;
    const auto order = server ? geometry.right_order : geometry.left_order;
    if (ring::vchan_ring_in_page(order))
        return page.ring_in_page(order);
    return server ? memory.granted_right.bytes() : memory.mapped_left.bytes();
}

/// What we read: the left ring as a server, the right one as a client.
std::span<const std::byte> input_ring(ring::vchan_role role, ring::vchan_geometry geometry,
                                      ring::vchan_page page,
                                      const channel_memory& memory) noexcept {
    const bool server = role == ring::vchan_role::server;
    const auto order = server ? geometry.left_order : geometry.right_order;
    if (ring::vchan_ring_in_page(order))
        return page.ring_in_page(order);
    if (server)
        return memory.granted_left.bytes();
    return memory.mapped_right.bytes();
}

} // namespace

channel::channel(channel_names who, ring::vchan_geometry geometry, bound_port own_port,
                 channel_memory memory)
    : names{std::move(who)}, port{std::move(own_port)}, memory_{std::move(memory)},
      page{control_page(memory_)}, marks{control_page(memory_), geometry},
      output{page, names.role, output_ring(names.role, geometry, page, memory_)},
      input{page, names.role, input_ring(names.role, geometry, page, memory_)} {}

void channel::notify() noexcept {
    error_code ignored; // a dead descriptor shows where we wait
    port.notify(ignored);
}

void channel::close() noexcept {
    leave(mark::closed);
}

void channel::abort() noexcept {
    leave(mark::open);
}

void channel::leave(mark said) noexcept {
    if (!std::exchange(open_, false))
        return;
    if (!own_domain_destroyed()) {
        marks.set(names.role, said);
        page.close(names.role);
        notify();
    }
    memory_ = {};
    port = {};
}

/// On the stand-in a process outlives its domain; what is left of it must not say goodbye, or the
/// peer would take the domain's death for an orderly close.
bool channel::own_domain_destroyed() noexcept {
    error_code ec;
    port.wait_until(port.seen(), std::chrono::steady_clock::now(), ec);
    return ec == errc::domain_destroyed;
}

error_code fault_code(ring::fault what) noexcept {
    switch (what) {
    case ring::fault::none:
        return {};
    case ring::fault::bad_order:
    case ring::fault::equal_in_page_orders:
    case ring::fault::references_overlap_ring:
        return errc::bad_geometry;
    case ring::fault::bad_live_byte:
        return errc::bad_live_byte;
    case ring::fault::unusable_memory:
    case ring::fault::over_commit:
    case ring::fault::over_consume:
        return boost::asio::error::invalid_argument;
    default:
        return errc::ring_corrupt;
    }
}

} // namespace xenring::vchan::detail
