#pragma once

/// Slots for tests of the network rings, and a ring that is only a list.

#include <xenring/ring/fault.hpp>
#include <xenring/ring/netif_extras.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace xenring::test {

/// What a peer wrote, in order; what we pushed is kept. Counts how many slots were taken.
template <class Incoming, class Outgoing>
struct scripted_ring {
    std::deque<Incoming> incoming{};
    std::vector<Outgoing> outgoing{};
    std::size_t popped = 0;
    ring::fault what = ring::fault::none;

    bool pop(Incoming& slot) noexcept {
        if (what != ring::fault::none || incoming.empty())
            return false;
        slot = incoming.front();
        incoming.pop_front();
        ++popped;
        return true;
    }
    bool push(const Outgoing& slot) noexcept {
        outgoing.push_back(slot);
        return what == ring::fault::none;
    }
    template <class Use>
    std::size_t pop_each(std::size_t most, Use use) noexcept {
        std::size_t count = 0;
        for (Incoming slot; count != most && pop(slot); ++count)
            use(slot);
        return count;
    }
    template <class Make>
    std::size_t push_each(std::size_t most, Make make) noexcept {
        std::size_t count = 0;
        while (count != most && push(make()))
            ++count;
        return count;
    }
    [[nodiscard]] std::size_t available() const noexcept { return incoming.size(); }
    [[nodiscard]] ring::fault fault() const noexcept { return what; }
    void poison(ring::fault why) noexcept {
        if (what == ring::fault::none)
            what = why;
    }
};

using scripted_tx = scripted_ring<ring::netif::tx_request, ring::netif::tx_response>;

/// An extra as a tx slot, chained to another one or not.
inline ring::netif::tx_request tx_extra(ring::netif::extra_info extra, bool more = false) {
    extra.flags = more ? ring::netif::extra_more : std::uint8_t{0};
    return ring::netif::tx_slot_of(extra);
}

inline ring::netif::extra_info gso(std::uint16_t size = 1448, unsigned type = 1) {
    return ring::netif::encode(
        ring::netif::segmentation{size, static_cast<ring::netif::gso_type>(type), 0});
}

inline constexpr ring::netif::mac_address some_group{0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};

} // namespace xenring::test
