// Where in the store a channel is announced.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/types.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace xenring::vchan {

/// The longest base path that libxenvchan can use: it builds BASE/event-channel in 64 bytes and
/// cuts what does not fit, so that with a longer base both its keys become one.
inline constexpr std::size_t libxenvchan_path_max = 49;

/// The absolute base path of a channel from what a user wrote:
///
///     /local/domain/1/any/where   absolute: taken as it is
///     any/where                   relative: under the server's /local/domain/SERVER
///     NAME                        under /local/domain/SERVER/data/vchan/CLIENT
///
/// The same text gives both ends the same path. Errors: errc::path_too_long if the store could not
/// take the keys under it; invalid_argument for an empty path or characters that the store refuses.
/// Thread safety: pure.
std::string base_path(std::string_view path, domid server, domid client, error_code& ec);
std::string base_path(std::string_view path, domid server, domid client);

/// Whether a libxenvchan peer can use this base path.
constexpr bool fits_libxenvchan(std::string_view base) noexcept {
    return base.size() <= libxenvchan_path_max;
}

} // namespace xenring::vchan
