#pragma once

/// Extras: encoding, and decoding with every check that they need.

#include <xenring/ring/netif_packet.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace xenring::ring::netif {

/// The most extras in one packet: each type once.
inline constexpr std::size_t max_extras = 5;

[[nodiscard]] constexpr extra_info encode(const segmentation& gso) noexcept {
    return std::bit_cast<extra_info>(gso_extra{.type = extra_type::gso,
                                               .flags = 0,
                                               .size = gso.size,
                                               .gso_type = static_cast<std::uint8_t>(gso.type),
                                               .pad = 0,
                                               .features = gso.features});
}

[[nodiscard]] constexpr extra_info encode(const packet_hash& hash) noexcept {
    hash_extra extra{extra_type::hash, 0, hash.type, hash.algorithm, {}};
    for (unsigned i = 0; i != 4; ++i)
        extra.value[i] = static_cast<std::uint8_t>(hash.value >> (8 * i));
    return std::bit_cast<extra_info>(extra);
}

[[nodiscard]] constexpr extra_info encode_xdp_headroom(std::uint16_t bytes) noexcept {
    return std::bit_cast<extra_info>(xdp_extra{extra_type::xdp, 0, bytes, {}});
}

/// `type` is extra_type::multicast_add or multicast_del.
[[nodiscard]] constexpr extra_info encode_multicast(std::uint8_t type,
                                                    const mac_address& address) noexcept {
    multicast_extra extra{type, 0, {}};
    for (std::size_t i = 0; i != address.size(); ++i)
        extra.address[i] = address[i];
    return std::bit_cast<extra_info>(extra);
}

/// The extras that `info` needs, chained, in the order of their types (which is Linux's).
[[nodiscard]] constexpr fixed_list<extra_info, max_extras>
extras_of(const packet_info& info) noexcept {
    fixed_list<extra_info, max_extras> list;
    if (info.gso)
        list.push(encode(*info.gso));
    if (info.hash)
        list.push(encode(*info.hash));
    if (info.xdp_headroom)
        list.push(encode_xdp_headroom(*info.xdp_headroom));
    for (std::size_t i = 1; i < list.size(); ++i)
        list[i - 1].flags |= extra_more;
    return list;
}

/// Collects the extras of one packet out of slots that a peer wrote.
class extra_collector {
public:
    /// Multicast extras are a frontend's requests; a backend has no business with them.
    explicit constexpr extra_collector(bool multicast_allowed) noexcept
        : multicast_allowed_(multicast_allowed) {}

    /// Checks one extra and files it into `info` or below. Any error is fatal. Because a type may
    /// come only once, the peer cannot chain more than max_extras.
    [[nodiscard]] constexpr packet_error take(const extra_info& extra, packet_info& info) noexcept {
        if (extra.type == 0 || extra.type > extra_type::xdp)
            return packet_error::unknown_extra;
        const auto bit = static_cast<std::uint8_t>(1u << extra.type);
        if ((seen_ & bit) != 0)
            return packet_error::repeated_extra;
        seen_ = static_cast<std::uint8_t>(seen_ | bit);
        ++count_;
        switch (extra.type) {
        case extra_type::gso:
            return take_gso(extra, info);
        case extra_type::hash:
            info.hash = decode_hash(extra);
            return packet_error::none;
        case extra_type::xdp:
            info.xdp_headroom = std::bit_cast<xdp_extra>(extra).headroom;
            return packet_error::none;
        default:
            return take_multicast(extra);
        }
    }

    [[nodiscard]] constexpr std::size_t count() const noexcept { return count_; }
    [[nodiscard]] constexpr const auto& multicast_add() const noexcept { return add_; }
    [[nodiscard]] constexpr const auto& multicast_del() const noexcept { return del_; }

private:
    [[nodiscard]] static constexpr packet_hash decode_hash(const extra_info& extra) noexcept {
        const auto hash = std::bit_cast<hash_extra>(extra);
        std::uint32_t value = 0;
        for (unsigned i = 0; i != 4; ++i)
            value |= std::uint32_t{hash.value[i]} << (8 * i);
        return {hash.hash_type, hash.algorithm, value};
    }

    [[nodiscard]] static constexpr packet_error take_gso(const extra_info& extra,
                                                         packet_info& info) noexcept {
        const auto gso = std::bit_cast<gso_extra>(extra);
        const auto type = static_cast<gso_type>(gso.gso_type);
        if (gso.size == 0)
            return packet_error::zero_gso_size;
        if (type != gso_type::tcpv4 && type != gso_type::tcpv6)
            return packet_error::unknown_gso_type;
        info.gso = {gso.size, type, gso.features};
        return packet_error::none;
    }

    [[nodiscard]] constexpr packet_error take_multicast(const extra_info& extra) noexcept {
        if (!multicast_allowed_)
            return packet_error::unknown_extra;
        const auto from = std::bit_cast<multicast_extra>(extra);
        mac_address address{};
        for (std::size_t i = 0; i != address.size(); ++i)
            address[i] = from.address[i];
        (extra.type == extra_type::multicast_add ? add_ : del_) = address;
        return packet_error::none;
    }

    std::optional<mac_address> add_{};
    std::optional<mac_address> del_{};
    std::size_t count_ = 0;
    std::uint8_t seen_ = 0;
    bool multicast_allowed_;
};

} // namespace xenring::ring::netif
