#include <xenring/grant/store_wire.hpp>
#include <xenring/grant/types.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace xenring::store_wire {
namespace {

struct word_of_errno {
    int number;
    std::string_view word;
};

// xs_wire.h, xsd_errors; EQUOTA is oxenstored's own.
constexpr std::array error_words{
    word_of_errno{EINVAL, "EINVAL"},       word_of_errno{EACCES, "EACCES"},
    word_of_errno{EEXIST, "EEXIST"},       word_of_errno{EISDIR, "EISDIR"},
    word_of_errno{ENOENT, "ENOENT"},       word_of_errno{ENOMEM, "ENOMEM"},
    word_of_errno{ENOSPC, "ENOSPC"},       word_of_errno{EIO, "EIO"},
    word_of_errno{ENOTEMPTY, "ENOTEMPTY"}, word_of_errno{ENOSYS, "ENOSYS"},
    word_of_errno{EROFS, "EROFS"},         word_of_errno{EBUSY, "EBUSY"},
    word_of_errno{EAGAIN, "EAGAIN"},       word_of_errno{EISCONN, "EISCONN"},
    word_of_errno{E2BIG, "E2BIG"},         word_of_errno{EPERM, "EPERM"},
    word_of_errno{EDQUOT, "EQUOTA"},
};

constexpr std::string_view path_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789-/_@";

void append_word(std::uint32_t value, std::vector<std::byte>& out) {
    std::array<std::byte, sizeof value> bytes;
    std::memcpy(bytes.data(), &value, sizeof value);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::uint32_t word_at(const std::byte* bytes) noexcept {
    std::uint32_t value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

} // namespace

void encode(const message& what, std::vector<std::byte>& out) {
    append_word(static_cast<std::uint32_t>(what.type), out);
    append_word(what.request, out);
    append_word(what.transaction, out);
    append_word(static_cast<std::uint32_t>(what.payload.size()), out);
    const auto payload = std::as_bytes(std::span{what.payload});
    out.insert(out.end(), payload.begin(), payload.end());
}

void decoder::feed(std::span<const std::byte> bytes) {
    if (broken_)
        return;
    if (taken_ != 0) {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
        taken_ = 0;
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<message> decoder::next(error_code& ec) {
    ec = {};
    const std::byte* const header = bytes_.data() + taken_;
    const std::size_t available = bytes_.size() - taken_;
    if (broken_ || (available >= header_size && word_at(header + 12) > payload_max)) {
        broken_ = true;
        bytes_.clear();
        taken_ = 0;
        ec = errc::store_protocol;
        return std::nullopt;
    }
    if (available < header_size)
        return std::nullopt;
    const std::size_t length = word_at(header + 12);
    if (available - header_size < length)
        return std::nullopt;
    message result{static_cast<message_type>(word_at(header)), word_at(header + 4),
                   word_at(header + 8),
                   std::string{reinterpret_cast<const char*>(header + header_size), length}};
    taken_ += header_size + length;
    return result;
}

std::string join(std::initializer_list<std::string_view> strings) {
    std::string result;
    for (const std::string_view text : strings) {
        result += text;
        result += '\0';
    }
    return result;
}

std::vector<std::string> split(std::string_view payload) {
    std::vector<std::string> result;
    while (!payload.empty()) {
        const std::size_t length = std::min(payload.find('\0'), payload.size());
        result.emplace_back(payload.substr(0, length));
        payload.remove_prefix(std::min(length + 1, payload.size()));
    }
    return result;
}

std::optional<watch_event> parse_watch_event(std::string_view payload) {
    std::vector<std::string> strings = split(payload);
    if (strings.size() < 2)
        return std::nullopt;
    return watch_event{std::move(strings[0]), std::move(strings[1])};
}

std::optional<directory_part> parse_directory_part(std::string_view payload) {
    const std::size_t generation_length = payload.find('\0');
    if (generation_length == 0 || generation_length == std::string_view::npos)
        return std::nullopt;
    directory_part part;
    part.generation = payload.substr(0, generation_length);
    payload.remove_prefix(generation_length + 1);
    // The end of the list is an empty name.
    while (!payload.empty() && payload.front() != '\0') {
        const std::size_t length = payload.find('\0');
        if (length == std::string_view::npos)
            return std::nullopt;
        part.names.emplace_back(payload.substr(0, length));
        part.length += length + 1;
        payload.remove_prefix(length + 1);
    }
    part.last = !payload.empty();
    if (!part.last && part.names.empty())
        return std::nullopt;
    return part;
}

std::optional<store_permissions> parse_permissions(std::string_view payload) {
    store_permissions result;
    for (const std::string& text : split(payload)) {
        const auto permission = parse_store_permission(text);
        if (!permission)
            return std::nullopt;
        result.push_back(*permission);
    }
    if (result.empty())
        return std::nullopt;
    return result;
}

bool valid_path(std::string_view path) noexcept {
    const bool absolute = path.starts_with('/');
    return path == "/" ||
           (!path.empty() && path.size() <= (absolute ? absolute_path_max : relative_path_max) &&
            !path.ends_with('/') && path.find("//") == std::string_view::npos &&
            !path.starts_with('@') &&
            path.find_first_not_of(path_characters) == std::string_view::npos);
}

bool valid_watch_path(std::string_view path) noexcept {
    if (path.starts_with('@'))
        return path.size() <= relative_path_max &&
               path.find_first_not_of(path_characters) == std::string_view::npos;
    return valid_path(path);
}

error_code parse_error(std::string_view word) noexcept {
    word = word.substr(0, word.find('\0'));
    const auto found = std::find_if(error_words.begin(), error_words.end(),
                                    [word](const auto& entry) { return entry.word == word; });
    return found == error_words.end() ? make_error_code(errc::store_protocol)
                                      : errno_code(found->number);
}

std::string_view error_word(int number) noexcept {
    const auto found = std::find_if(error_words.begin(), error_words.end(),
                                    [number](const auto& entry) { return entry.number == number; });
    return found == error_words.end() ? error_words.front().word : found->word;
}

} // namespace xenring::store_wire
