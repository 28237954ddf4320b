// How much of a text that somebody gave goes into a message.
#pragma once

#include <string>
#include <string_view>

namespace xenring::detail {

/// The text, or its first hundred bytes and "...".
inline std::string shortened(std::string_view text) {
    constexpr std::size_t longest = 100;
    std::string out{text.substr(0, longest)};
    if (text.size() > longest)
        out += "...";
    return out;
}

} // namespace xenring::detail
