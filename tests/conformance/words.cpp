#include "words.hpp"

#include <boost/asio/error.hpp>

#include <charconv>
#include <sstream>
#include <stdexcept>

namespace xenring::conformance {

words split(std::string_view line) {
    std::istringstream in{std::string{line}};
    words parts;
    for (std::string part; in >> part;)
        parts.push_back(part);
    return parts;
}

std::string join(const words& parts) {
    std::string line;
    for (const auto& part : parts)
        line += (line.empty() ? "" : " ") + part;
    return line;
}

std::string to_word(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string word = "x";
    for (const char c : bytes) {
        const auto value = static_cast<unsigned char>(c);
        word += digits[value >> 4];
        word += digits[value & 15];
    }
    return word;
}

std::string bytes_of(std::string_view word) {
    std::string bytes;
    for (std::size_t i = 1; i + 1 < word.size(); i += 2) {
        unsigned value = 0;
        std::from_chars(word.data() + i, word.data() + i + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

std::string to_word(access mode) {
    return mode == access::read_write ? "rw" : "ro";
}

access access_of(std::string_view word) {
    return word == "rw" ? access::read_write : access::read_only;
}

std::string to_word(grant_end result) {
    switch (result) {
    case grant_end::ended:
        return "ended";
    case grant_end::busy:
        return "busy";
    case grant_end::unknown:
        break;
    }
    return "unknown";
}

grant_end grant_end_of(std::string_view word) {
    return word == "ended"  ? grant_end::ended
           : word == "busy" ? grant_end::busy
                            : grant_end::unknown;
}

words to_words(const unmap_notify& notify) {
    return {notify.clear_byte ? std::to_string(*notify.clear_byte) : "-",
            notify.notify ? std::to_string(notify.notify->value) : "-"};
}

unmap_notify notify_of(std::string_view byte, std::string_view port_word) {
    unmap_notify notify;
    if (byte != "-")
        notify.clear_byte = static_cast<std::uint16_t>(number_of(byte));
    if (port_word != "-")
        notify.notify = port{number_of(port_word)};
    return notify;
}

std::uint32_t number_of(std::string_view word) {
    std::uint32_t value = 0;
    const auto result = std::from_chars(word.data(), word.data() + word.size(), value);
    if (result.ec != std::errc{} || result.ptr != word.data() + word.size())
        throw std::invalid_argument{"not a number: " + std::string{word}};
    return value;
}

words to_words(const error_code& code) {
    return {"error", code.category().name(), std::to_string(code.value())};
}

error_code error_of(const words& reply) {
    if (reply.empty() || reply[0] != "error")
        return {};
    const boost::system::error_category* const known[]{&category(), &grant_status_category(),
                                                       &boost::system::system_category(),
                                                       &boost::system::generic_category()};
    int value = 0;
    if (reply.size() >= 3)
        std::from_chars(reply[2].data(), reply[2].data() + reply[2].size(), value);
    for (const auto* candidate : known)
        if (reply.size() >= 3 && reply[1] == candidate->name())
            return {value, *candidate};
    return make_error_code(errc::protocol_violation);
}

} // namespace xenring::conformance
