#include <xenring/net/transport.hpp>
#include <xenring/net/virtio_header.hpp>

namespace xenring::net {
namespace {

namespace netif = ring::netif;

bool fits(const netif::segmentation& gso, const transport_header& where) noexcept {
    return where.protocol == protocol_tcp && where.ipv6 == (gso.type == netif::gso_type::tcpv6);
}

std::optional<netif::segmentation> segmentation_of(const virtio_header& header) noexcept {
    switch (header.gso_type) {
    case virtio_gso::tcpv4:
        return netif::segmentation{header.gso_size, netif::gso_type::tcpv4, 0};
    case virtio_gso::tcpv6:
        return netif::segmentation{header.gso_size, netif::gso_type::tcpv6, 0};
    default:
        return std::nullopt;
    }
}

/// Whether the guest can complete the checksum that the header asks for: netif knows only those of
/// TCP and UDP, where they are by themselves.
bool guest_completes(const virtio_header& header, const std::optional<transport_header>& where,
                     const offloads& guest) noexcept {
    return where && where->start == header.checksum_start &&
           where->checksum == header.checksum_start + header.checksum_offset &&
           (where->ipv6 ? guest.checksum_ipv6 : guest.checksum_ipv4);
}

} // namespace

std::optional<virtio_header> to_virtio(std::span<std::byte> frame,
                                       const netif::packet_info& info) noexcept {
    virtio_header header;
    if (!info.csum_blank && !info.gso) {
        header.flags = info.data_validated ? virtio_flag::data_valid : 0;
        return header;
    }
    const auto where = find_transport(frame);
    if (!where || (info.gso && !fits(*info.gso, *where)))
        return std::nullopt;
    if (info.needs_checksum_fixup())
        seed_checksum(frame, *where);
    header.flags = virtio_flag::needs_checksum;
    header.checksum_start = where->start;
    header.checksum_offset = static_cast<std::uint16_t>(where->checksum - where->start);
    if (info.gso) {
        header.gso_type =
            info.gso->type == netif::gso_type::tcpv4 ? virtio_gso::tcpv4 : virtio_gso::tcpv6;
        header.gso_size = info.gso->size;
        header.header_size = where->payload;
    }
    return header;
}

std::optional<netif::packet_info> from_virtio(const virtio_header& header,
                                              std::span<std::byte> frame,
                                              const offloads& guest) noexcept {
    netif::packet_info info;
    info.data_validated = (header.flags & virtio_flag::data_valid) != 0;
    info.gso = segmentation_of(header);
    if (header.gso_type != virtio_gso::none &&
        (!info.gso || info.gso->size == 0 ||
         !(info.gso->type == netif::gso_type::tcpv4 ? guest.tcpv4 : guest.tcpv6)))
        return std::nullopt;
    if ((header.flags & virtio_flag::needs_checksum) == 0)
        return info;
    const auto where = find_transport(frame);
    if (guest_completes(header, where, guest)) {
        info.csum_blank = info.data_validated = true;
        return info;
    }
    const std::size_t start = header.checksum_start;
    if (info.gso || !complete_checksum(frame, start, start + header.checksum_offset,
                                       where ? where->end : frame.size()))
        return std::nullopt;
    return info;
}

} // namespace xenring::net
