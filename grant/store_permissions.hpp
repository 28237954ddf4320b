// Who may do what with a node of the store.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/types.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenring {

/// What a domain may do with a node of the store: bits, as on the wire ("n", "r", "w", "b").
enum class store_access : std::uint8_t { none = 0, read = 1, write = 2, both = 3 };

/// One entry of a node's permissions. The first entry of a node is special: its domain owns the
/// node (may do everything, and change the entries), and its access is that of every domain which
/// has no entry of its own. Domain 0 may do everything everywhere.
struct store_permission {
    domid domain;
    store_access access = store_access::none;

    friend bool operator==(const store_permission&, const store_permission&) = default;
};

using store_permissions = std::vector<store_permission>;

/// The entry as the wire and xenstore-chmod write it: "n0", "r5", "w7", "b3".
std::string to_string(const store_permission& permission);

/// The reverse; nothing if the text is not of that form or the number is no domid.
std::optional<store_permission> parse_store_permission(std::string_view text);

} // namespace xenring
