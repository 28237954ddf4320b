// checksum_bench ours|words|carry SIZE COUNT: prints nanoseconds for the checksum of a packet
// of SIZE bytes.
//
//     ours    net::complete_checksum, which also checks where it reads and stores the result
//     words   16 bits at a time, carries folded at the end: the plain loop of a kernel
//     carry   64 bits at a time, each carry added at once: what add-with-carry does
#include "pinned.hpp"

#include <xenring/net/transport.hpp>

#include <array>
#include <cstring>
#include <string>

namespace {

using namespace xenring::bench;
using packet = std::vector<std::byte>;

std::uint16_t folded(std::uint64_t sum) {
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

template <class Word>
Word word_at(const packet& bytes, std::size_t at) {
    Word word = 0;
    std::memcpy(&word, &bytes[at], sizeof word);
    return word;
}

/// What is left at the end, less than a word; zeros follow it.
std::uint64_t rest_of(const packet& bytes, std::size_t at) {
    std::uint64_t word = 0;
    if (at != bytes.size())
        std::memcpy(&word, &bytes[at], bytes.size() - at);
    return word;
}

[[gnu::noinline]] std::uint16_t by_words(const packet& bytes) {
    std::uint32_t sum = 0;
    std::size_t at = 0;
    for (; at + 2 <= bytes.size(); at += 2) {
        sum += word_at<std::uint16_t>(bytes, at);
        if (sum >> 31 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
    }
    return folded(sum + rest_of(bytes, at));
}

[[gnu::noinline]] std::uint16_t with_carry(const packet& bytes) {
    std::uint64_t sum = 0;
    const auto add = [&sum](std::uint64_t word) {
        sum += word;
        sum += sum < word ? 1 : 0;
    };
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8)
        add(word_at<std::uint64_t>(bytes, at));
    add(rest_of(bytes, at));
    return folded(sum);
}

/// The result goes into the packet's first two bytes, as the checksum field.
void stored(packet& bytes, std::uint16_t sum) {
    std::memcpy(bytes.data(), &sum, sizeof sum);
}

void complete(packet& bytes) {
    if (!xenring::net::complete_checksum(bytes, 0, 0, bytes.size()))
        throw std::runtime_error{"a packet has no room for a checksum"};
}

void by_words_stored(packet& bytes) {
    stored(bytes, by_words(bytes));
}

void with_carry_stored(packet& bytes) {
    stored(bytes, with_carry(bytes));
}

packet example(std::size_t size) {
    packet bytes(size);
    std::uint32_t state = 1;
    for (auto& each : bytes)
        each = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24);
    return bytes;
}

/// Several packets in turn: the field that was just stored is not what is loaded next.
template <class Function>
void measure(std::size_t size, std::uint64_t count, Function checksum) {
    std::array packets{example(size), example(size), example(size), example(size)};
    auto expected = example(size);
    complete(expected);
    checksum(packets[0]);
    if (packets[0] != expected)
        throw std::runtime_error{"the checksums differ"};
    print_time_of(count, [&] {
        for (std::uint64_t i = 0; i != count; ++i)
            checksum(packets[i % packets.size()]);
    });
}

} // namespace

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 3)
        throw std::runtime_error{"usage: checksum_bench ours|words|carry SIZE COUNT"};
    const auto size = std::clamp<std::size_t>(std::stoul(words[1]), 2, 65536);
    const auto count = std::max<std::uint64_t>(1, std::stoull(words[2]));
    use_cpu(0);
    if (words[0] == "ours")
        measure(size, count, complete);
    else if (words[0] == "words")
        measure(size, count, by_words_stored);
    else
        measure(size, count, with_carry_stored);
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "checksum_bench: %s\n", wrong.what());
    return 1;
}
