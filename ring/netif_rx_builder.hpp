#pragma once

/// The backend's end of the rx ring: a frame is laid out over the buffers that a guest posted.
///
/// A response must lie in the very slot of its request, because an extra hides the id and Linux's
/// netfront goes by the slot alone. Requests are therefore answered in the order in which they were
/// popped, each with one response.
///
///     auto what = plan(ring, frame.size(), info, {}, delivery);   // pops requests
///     // copy each of delivery.targets; delivery.fail(i) where a copy failed
///     answer(ring, delivery);                                      // pushes responses
///
/// Source: xen/io/netif.h, "Guest receive" and "Extra Info".

#include <xenring/ring/netif_extras.hpp>
#include <xenring/ring/netif_packet.hpp>
#include <xenring/ring/netif_tx_builder.hpp>
#include <xenring/ring/request_ring.hpp>

#include <cstddef>
#include <cstdint>

namespace xenring::ring::netif {

using rx_front_ring = front_ring<rx_request, rx_response>;
using rx_back_ring = back_ring<rx_request, rx_response>;

/// Where bytes of a frame go: [from, from + where.size) of it into the guest's page. The reference
/// is the guest's word and may be no grant at all: the copy then fails.
struct rx_target {
    fragment where;
    std::uint32_t from;
};

/// A frame on its way to a guest. Plain data; keep it until answer().
struct rx_delivery {
    fixed_list<rx_target, max_slots> targets{};
    fixed_list<rx_response, max_slots + max_extras> responses{};
    bool has_prefix = false;

    /// Notes that a target could not be filled: the guest will drop the packet.
    /// Precondition: target < targets.size().
    constexpr void fail(std::size_t target) noexcept {
        responses[response_of(target)].status = response_status::error;
    }

    /// The first data slot comes first or after the prefix, the others come last.
    [[nodiscard]] constexpr std::size_t response_of(std::size_t target) const noexcept {
        return target == 0 ? has_prefix : responses.size() - targets.size() + target;
    }
};

/// How a guest wants its frames.
struct rx_style {
    /// Legacy guests (feature-gso-tcpv4-prefix) take the segment size of TCP over IPv4 in a slot of
    /// its own before the packet, and no segmentation extra.
    bool gso_prefix = false;
};

/// Data slots that a frame takes; the first one leaves the headroom free.
[[nodiscard]] constexpr std::size_t rx_data_slots(std::uint32_t size,
                                                  const packet_info& info) noexcept {
    return (std::size_t{info.xdp_headroom.value_or(0)} + size + page_size - 1) / page_size;
}

/// Posted buffers that a frame takes: for the data, for each extra, for the prefix. To wait until
/// they are there: ring.arm(that many).
[[nodiscard]] constexpr std::size_t rx_slots_needed(std::uint32_t size,
                                                    const packet_info& info) noexcept {
    return rx_data_slots(size, info) + extras_of(info).size(); // a prefix replaces an extra
}

namespace detail {

/// Fills `delivery` request by request. The frame and the style were checked.
class rx_layout {
public:
    constexpr rx_layout(std::uint32_t size, packet_info info, rx_style style,
                        rx_delivery& delivery) noexcept
        : delivery_(delivery), size_(size), headroom_(info.xdp_headroom.value_or(0)),
          flags_(rx_flags(normalised(info))) {
        delivery.targets.clear();
        delivery.responses.clear();
        delivery.has_prefix =
            style.gso_prefix && info.gso.has_value() && info.gso->type == gso_type::tcpv4;
        if (delivery.has_prefix) {
            prefix_size_ = info.gso->size;
            info.gso.reset();
        }
        extras_ = extras_of(info);
        slots_ = rx_data_slots(size, info);
    }

    constexpr void take(const rx_request& request) noexcept {
        const std::size_t index = delivery_.responses.size();
        const std::size_t first = delivery_.has_prefix ? 1 : 0;
        if (index < first)
            prefix(request);
        else if (index == first || index > first + extras_.size())
            data(request);
        else
            delivery_.responses.push(rx_slot_of(extras_[index - first - 1]));
    }

private:
    constexpr void prefix(const rx_request& request) noexcept {
        delivery_.responses.push({request.id, prefix_size_,
                                  rx_flag::gso_prefix | rx_flag::more_data,
                                  static_cast<std::int16_t>(slots_ + extras_.size())});
    }

    constexpr void data(const rx_request& request) noexcept {
        const bool first = delivery_.targets.empty();
        const std::uint32_t offset = first ? headroom_ : 0;
        const std::uint32_t left = size_ - done_;
        const std::uint32_t count = left < page_size - offset ? left : page_size - offset;
        unsigned flags = count != left ? rx_flag::more_data : 0;
        if (first)
            flags |= flags_ | (extras_.empty() ? 0u : rx_flag::extra_info);
        delivery_.targets.push(
            {{request.gref, static_cast<std::uint16_t>(offset), static_cast<std::uint16_t>(count)},
             done_});
        delivery_.responses.push({request.id, static_cast<std::uint16_t>(offset),
                                  static_cast<std::uint16_t>(flags),
                                  static_cast<std::int16_t>(count)});
        done_ += count;
    }

    rx_delivery& delivery_;
    fixed_list<extra_info, max_extras> extras_{};
    std::uint32_t size_;
    std::uint32_t done_ = 0;
    std::size_t slots_ = 0;
    std::uint16_t headroom_;
    std::uint16_t flags_;
    std::uint16_t prefix_size_ = 0;
};

} // namespace detail

/// Takes as many posted buffers as the frame needs and says what to copy where. `info` is sent
/// normalised(). no_room: nothing was taken; wait for rx_slots_needed() buffers, or look at the
/// ring's fault(). Never allocates. Hashes and XDP headroom only if the frontend asked for them.
template <class Ring>
[[nodiscard]] send_error plan(Ring& ring, std::uint32_t size, const packet_info& info,
                              rx_style style, rx_delivery& delivery) noexcept {
    if (size < min_frame_size)
        return send_error::too_short;
    if (size > max_slots * page_size || info.xdp_headroom.value_or(0) >= page_size - min_frame_size)
        return send_error::too_long;
    if (rx_data_slots(size, info) > max_slots)
        return send_error::too_many_slots;
    if (info.gso && info.gso->size == 0)
        return send_error::bad_gso;
    const std::size_t needed = rx_slots_needed(size, info);
    if (ring.available() < needed)
        return send_error::no_room;
    detail::rx_layout layout(size, info, style, delivery);
    ring.pop_each(needed, [&layout](const rx_request& request) { layout.take(request); });
    return send_error::none;
}

/// Pushes the responses of a delivery. Call it once for each plan() that succeeded and in the same
/// order, and nothing else may push in between: only then is each response in the slot of its
/// request. The caller publishes. False if the ring is poisoned.
template <class Ring>
[[nodiscard]] bool answer(Ring& ring, const rx_delivery& delivery) noexcept {
    const auto& responses = delivery.responses;
    const auto* next = responses.begin();
    return ring.push_each(responses.size(), [&next] { return *next++; }) == responses.size();
}

} // namespace xenring::ring::netif
