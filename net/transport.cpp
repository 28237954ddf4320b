#include <xenring/net/transport.hpp>

#include <bit>
#include <cstring>

namespace xenring::net {
namespace {

using frame_view = std::span<const std::byte>;

constexpr std::size_t ethernet_size = 14;
/// 16 bits hold every offset of a header: one that begins beyond is not taken.
constexpr std::size_t offset_limit = 0xff00;
constexpr std::uint16_t type_ipv4 = 0x0800, type_ipv6 = 0x86dd;
constexpr std::uint16_t type_vlan = 0x8100, type_service_vlan = 0x88a8;

/// Preconditions of both: the bytes are there.
std::uint8_t byte_at(frame_view frame, std::size_t at) noexcept {
    return std::to_integer<std::uint8_t>(frame[at]);
}
std::uint16_t word_at(frame_view frame, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(byte_at(frame, at) << 8 | byte_at(frame, at + 1));
}

void store_word(std::span<std::byte> frame, std::size_t at, std::uint16_t value) noexcept {
    frame[at] = static_cast<std::byte>(value >> 8);
    frame[at + 1] = static_cast<std::byte>(value & 0xff);
}

/// One's complement addition: what is carried out at the top comes in at the bottom.
constexpr std::uint64_t add(std::uint64_t one, std::uint64_t other) noexcept {
    const std::uint64_t sum = one + other;
    return sum + (sum < other ? 1 : 0);
}

/// 16 bits with the same remainder; 0 only if the sum is.
constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
    sum = (sum & 0xffff'ffff) + (sum >> 32);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

/// Bytes in the machine's own order; zeros follow them if they are less than a word.
template <class Word>
Word load(const std::byte* from, std::size_t size = sizeof(Word)) noexcept {
    Word word = 0;
    std::memcpy(&word, from, size);
    return word;
}

/// The sum of big-endian words, folded; an odd last byte counts as if a zero followed. Adds eight
/// bytes at a time in the machine's own order, which a swap at the end makes up for (RFC 1071,
/// 2 (B)); in sums of their own, so that none waits for another's carry.
std::uint16_t sum_words(frame_view bytes) noexcept {
    std::uint64_t first = 0, second = 0, third = 0, fourth = 0;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 32; at += 32, left -= 32) {
        first = add(first, load<std::uint64_t>(at));
        second = add(second, load<std::uint64_t>(at + 8));
        third = add(third, load<std::uint64_t>(at + 16));
        fourth = add(fourth, load<std::uint64_t>(at + 24));
    }
    for (; left >= 8; at += 8, left -= 8)
        first = add(first, load<std::uint64_t>(at));
    for (; left >= 2; at += 2, left -= 2)
        second = add(second, load<std::uint16_t>(at));
    if (left != 0)
        third = add(third, load<std::uint16_t>(at, 1));
    const auto sum = fold(add(add(first, second), add(third, fourth)));
    if constexpr (std::endian::native == std::endian::big)
        return sum;
    return static_cast<std::uint16_t>(sum << 8 | sum >> 8);
}

std::uint64_t pseudo_sum(frame_view frame, const transport_header& where) noexcept {
    const std::uint64_t length = where.end - where.start;
    const auto addresses =
        where.ipv6 ? frame.subspan(where.network + 8u, 32) : frame.subspan(where.network + 12u, 8);
    return std::uint64_t{sum_words(addresses)} + length + where.protocol;
}

/// Follows IPv6's chain of headers to TCP or UDP; moves `at` to that header.
std::optional<std::uint8_t> skip_extensions(frame_view frame, std::uint8_t next, std::size_t& at,
                                            std::size_t end) noexcept {
    constexpr std::uint8_t hop_by_hop = 0, routing = 43, destination = 60;
    while (next == hop_by_hop || next == routing || next == destination) {
        if (at + 8 > end)
            return std::nullopt;
        next = byte_at(frame, at);
        at += (std::size_t{byte_at(frame, at + 1)} + 1) * 8;
    }
    return next; // fragments and encrypted packets too: not TCP or UDP
}

bool parse_ipv4(frame_view frame, transport_header& out) noexcept {
    const std::size_t at = out.network;
    if (at + 20 > frame.size())
        return false;
    const std::size_t header = (byte_at(frame, at) & 0x0fu) * 4u;
    const std::size_t total = word_at(frame, at + 2);
    const bool fragment = (word_at(frame, at + 6) & 0x3fffu) != 0;
    if (byte_at(frame, at) >> 4 != 4 || header < 20 || total < header || fragment)
        return false;
    out.protocol = byte_at(frame, at + 9);
    out.start = static_cast<std::uint16_t>(at + header);
    out.end = static_cast<std::uint32_t>(at + total);
    return out.end <= frame.size();
}

bool parse_ipv6(frame_view frame, transport_header& out) noexcept {
    std::size_t at = out.network + 40u;
    if (at > frame.size() || byte_at(frame, out.network) >> 4 != 6)
        return false;
    const std::size_t end = at + word_at(frame, out.network + 4u);
    if (end > frame.size())
        return false;
    const auto protocol = skip_extensions(frame, byte_at(frame, out.network + 6u), at, end);
    if (!protocol || at > end || at >= offset_limit)
        return false;
    out.protocol = *protocol;
    out.start = static_cast<std::uint16_t>(at);
    out.end = static_cast<std::uint32_t>(end);
    out.ipv6 = true;
    return true;
}

bool parse_transport(frame_view frame, transport_header& out) noexcept {
    const std::size_t smallest = out.protocol == protocol_tcp ? 20 : 8;
    if ((out.protocol != protocol_tcp && out.protocol != protocol_udp) ||
        out.start + smallest > out.end)
        return false;
    std::size_t size = smallest;
    if (out.protocol == protocol_tcp)
        size = (byte_at(frame, out.start + 12u) >> 4) * 4u;
    if (size < smallest || out.start + size > out.end)
        return false;
    out.checksum = static_cast<std::uint16_t>(out.start + (out.protocol == protocol_tcp ? 16 : 6));
    out.payload = static_cast<std::uint16_t>(out.start + size);
    return true;
}

} // namespace

std::optional<transport_header> find_transport(frame_view frame) noexcept {
    if (frame.size() < ethernet_size || frame.size() > 0x1ffff)
        return std::nullopt;
    std::size_t at = ethernet_size;
    std::uint16_t type = word_at(frame, at - 2);
    for (int tags = 0; tags != 2 && (type == type_vlan || type == type_service_vlan); ++tags) {
        if (at + 4 > frame.size())
            return std::nullopt;
        at += 4;
        type = word_at(frame, at - 2);
    }
    transport_header out;
    out.network = static_cast<std::uint16_t>(at);
    const bool parsed = type == type_ipv4   ? parse_ipv4(frame, out)
                        : type == type_ipv6 ? parse_ipv6(frame, out)
                                            : false;
    if (!parsed || !parse_transport(frame, out))
        return std::nullopt;
    return out;
}

void seed_checksum(std::span<std::byte> frame, const transport_header& where) noexcept {
    store_word(frame, where.checksum, fold(pseudo_sum(frame, where)));
}

bool complete_checksum(std::span<std::byte> frame, std::size_t start, std::size_t field,
                       std::size_t end) noexcept {
    if (start > field || field + 2 > end || end > frame.size() || (field - start) % 2 != 0)
        return false;
    const auto sum =
        static_cast<std::uint16_t>(~fold(sum_words(frame_view{frame}.subspan(start, end - start))));
    store_word(frame, field, sum == 0 ? 0xffff : sum); // UDP reads 0 as "no checksum"
    return true;
}

bool checksum_is_right(frame_view frame, const transport_header& where) noexcept {
    if (where.protocol == protocol_udp && !where.ipv6 && word_at(frame, where.checksum) == 0)
        return true;
    const auto body = frame.subspan(where.start, where.end - where.start);
    return fold(pseudo_sum(frame, where) + sum_words(body)) == 0xffff;
}

} // namespace xenring::net
