#include <xenring/grant/store_permissions.hpp>

#include <charconv>

namespace xenring {
namespace {

constexpr std::string_view letters = "nrwb"; // indexed by store_access

} // namespace

std::string to_string(const store_permission& permission) {
    return letters[static_cast<std::size_t>(permission.access) & 3U] +
           std::to_string(permission.domain.value);
}

std::optional<store_permission> parse_store_permission(std::string_view text) {
    const auto letter = text.empty() ? std::string_view::npos : letters.find(text.front());
    if (letter == std::string_view::npos)
        return std::nullopt;
    std::uint16_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data() + 1, end, number);
    if (failure != std::errc{} || stop != end)
        return std::nullopt;
    return store_permission{domid{number}, static_cast<store_access>(letter)};
}

} // namespace xenring
