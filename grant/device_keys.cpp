#include <xenring/grant/device_keys.hpp>

#include <cerrno>
#include <charconv>
#include <utility>

namespace xenring {

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t limit) noexcept {
    constexpr std::size_t most_digits = 10; // of 32 bits
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, wrong] = std::from_chars(text.data(), end, value);
    if (text.size() > most_digits || wrong != std::errc{} || stop != end || value > limit)
        return std::nullopt;
    return value;
}

device_key_reader::device_key_reader(const store_operations& where, std::string directory,
                                     std::string& key, error_code& ec)
    : where_{where}, directory_{std::move(directory)}, key_{key}, ec_{ec} {}

std::optional<std::string> device_key_reader::read(const std::string& name) {
    if (ec_)
        return std::nullopt;
    error_code ec;
    auto text = where_.read(directory_ + '/' + name, ec);
    if (!ec)
        return text;
    if (ec != errno_code(ENOENT))
        fail(name, ec);
    return std::nullopt;
}

std::optional<std::uint32_t> device_key_reader::optional_number(const std::string& name,
                                                                std::uint32_t limit) {
    const auto text = read(name);
    if (!text)
        return std::nullopt;
    const auto value = parse_number(*text, limit);
    if (!value)
        fail(name, errc::device_keys_malformed);
    return value;
}

std::uint32_t device_key_reader::number(const std::string& name, std::uint32_t limit) {
    const auto value = optional_number(name, limit);
    if (!value)
        fail(name, errc::device_keys_missing);
    return value.value_or(0);
}

bool device_key_reader::flag(const std::string& name, bool absent) {
    const auto value = optional_number(name);
    return value ? *value != 0 : absent;
}

std::string device_key_reader::text(const std::string& name) {
    auto value = read(name);
    if (!value)
        fail(name, errc::device_keys_missing);
    return std::move(value).value_or(std::string{});
}

void device_key_reader::fail(const std::string& name, const error_code& ec) {
    if (ec_)
        return;
    key_ = directory_ + '/' + name;
    ec_ = ec;
}

} // namespace xenring
