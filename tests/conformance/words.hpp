// What the suite and the agent in the far domain say to each other: one command and one reply, each
// a line of words. Bytes travel as hexadecimal digits behind an x, so that no word is ever empty.
#pragma once

#include <xenring/grant/hypervisor.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::conformance {

/// Where, under a domain's home in the store, the two write. Each node holds "NUMBER WORDS...".
inline constexpr const char* request_path = "data/conformance/request";
inline constexpr const char* response_path = "data/conformance/response";
/// Holds a number that changes whenever the agent's process was started anew.
inline constexpr const char* generation_path = "data/conformance/generation";

using words = std::vector<std::string>;

words split(std::string_view line);
std::string join(const words& parts);

std::string to_word(std::string_view bytes);
std::string bytes_of(std::string_view word);

std::string to_word(access mode);
access access_of(std::string_view word);

std::string to_word(grant_end result);
grant_end grant_end_of(std::string_view word);

/// Two words: the byte's offset and the port, each "-" if there is none.
words to_words(const unmap_notify& notify);
unmap_notify notify_of(std::string_view byte, std::string_view port);

std::uint32_t number_of(std::string_view word);

/// "error CATEGORY VALUE", and the reverse. A category that is not known here is errc::protocol_
/// violation.
words to_words(const error_code& code);
error_code error_of(const words& reply);

} // namespace xenring::conformance
