#pragma once

/// Which multicast frames a guest wants: the list that it keeps with its backend.
///
/// Source: xen/io/netif.h, "feature-multicast-control".

#include <xenring/ring/netif_packet.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace xenring::backend {

/// One for all queues of a vif. Nothing is allocated, and a guest can make it no larger than
/// max_addresses. Pure: no input or output.
///
/// Thread safety: one thread at a time.
class multicast_filter {
public:
    using address = ring::netif::mac_address;
    /// As many as Linux's netback takes.
    static constexpr std::size_t max_addresses = 64;

    /// A frontend connects: its list is empty. `complete` is false for one that was connected
    /// before this program ran: it filled a list that is lost, and will not do so again. Until it
    /// connects anew nothing is filtered, which costs it frames that it did not want instead of
    /// those that it did.
    void connect(bool complete) noexcept {
        list_.clear();
        complete_ = complete;
        asked_ = false;
    }

    /// What the frontend's request-multicast-control says. The list is kept in either case.
    void ask(bool filter) noexcept { asked_ = filter; }

    /// False: it is no multicast address, or the list is full. One that is there stays there once.
    bool add(const address& wanted) noexcept {
        if ((wanted[0] & group_bit) == 0)
            return false;
        return std::ranges::find(list_, wanted) != list_.end() || list_.push(wanted);
    }

    /// One that is not there is no error.
    void remove(const address& unwanted) noexcept {
        auto kept = decltype(list_){};
        for (const auto& each : list_)
            if (each != unwanted)
                kept.push(each);
        list_ = kept;
    }

    std::size_t size() const noexcept { return list_.size(); }

    /// Whether the frame goes to the guest: it is for one station or for all, or it is wanted. A
    /// frame without a whole address passes.
    bool passes(std::span<const std::byte> frame) const noexcept {
        if (!asked_ || !complete_ || frame.size() < address{}.size() ||
            (frame[0] & std::byte{group_bit}) == std::byte{0})
            return true;
        address to{};
        for (std::size_t i = 0; i != to.size(); ++i)
            to[i] = std::to_integer<std::uint8_t>(frame[i]);
        return std::ranges::all_of(to, [](auto byte) { return byte == 0xff; }) ||
               std::ranges::find(list_, to) != list_.end();
    }

private:
    static constexpr std::uint8_t group_bit = 1; ///< in the first byte of an address

    ring::netif::fixed_list<address, max_addresses> list_;
    bool complete_ = true;
    bool asked_ = false;
};

} // namespace xenring::backend
