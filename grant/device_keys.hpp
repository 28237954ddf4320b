// Reading what the other end of a device, or a toolstack, says in the store.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace xenring {

/// A decimal number of at most `limit`, and nothing else around it; nothing otherwise.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t limit) noexcept;

/// Reads keys of one directory, one after the other; the first error stays, and nothing is read
/// after it. Blocks. Errors: errc::device_keys_missing, errc::device_keys_malformed, those of the
/// store.
///
/// A hostile peer can write anything there, and change it between two reads: what comes out is in
/// range, and that is all.
class device_key_reader {
public:
    static constexpr std::uint32_t any_number = std::numeric_limits<std::uint32_t>::max();

    /// The culprit's path goes to `key`, the error to `ec`; all four must outlive this.
    device_key_reader(const store_operations& where, std::string directory, std::string& key,
                      error_code& ec);

    /// Nothing if the key is not there, or after an error.
    std::optional<std::uint32_t> optional_number(const std::string& name,
                                                 std::uint32_t limit = any_number);
    /// A key that must be there; 0 after an error.
    std::uint32_t number(const std::string& name, std::uint32_t limit = any_number);
    /// Whether it is a number other than 0; `absent` if it is not there.
    bool flag(const std::string& name, bool absent = false);
    /// A key that must be there, as it is; empty after an error.
    std::string text(const std::string& name);

    /// Says that a key is no good, unless another was found to be so before.
    void fail(const std::string& name, const error_code& ec);
    bool failed() const noexcept { return ec_.failed(); }

private:
    std::optional<std::string> read(const std::string& name);

    const store_operations& where_;
    std::string directory_;
    std::string& key_;
    error_code& ec_;
};

} // namespace xenring
