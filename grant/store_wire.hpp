// xenstore's wire protocol as bytes, with no I/O (docs/misc/xenstore.txt, xen/io/xs_wire.h).
//
//     offset 0   4   type     what is asked, or answered
//            4   4   req_id   chosen by the client, echoed in the answer; 0 in watch events
//            8   4   tx_id    the transaction, 0 for none
//           12   4   length   of the payload that follows, at most 4096
//           16   .   payload  strings, most of them ended by a NUL
//
// All integers are in the byte order of the machine.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/store_permissions.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::store_wire {

inline constexpr std::size_t header_size = 16;
inline constexpr std::size_t payload_max = 4096;       ///< XENSTORE_PAYLOAD_MAX
inline constexpr std::size_t absolute_path_max = 3072; ///< XENSTORE_ABS_PATH_MAX
inline constexpr std::size_t relative_path_max = 2048; ///< XENSTORE_REL_PATH_MAX

/// Message types (xs_wire.h, xsd_sockmsg_type).
enum class message_type : std::uint32_t {
    control = 0,
    directory,
    read,
    get_permissions,
    watch,
    unwatch,
    transaction_start,
    transaction_end,
    introduce,
    release,
    get_domain_path,
    write,
    mkdir,
    remove,
    set_permissions,
    watch_event,
    error,
    is_domain_introduced,
    resume,
    set_target,
    reset_watches = 21,
    directory_part,
};

/// One message. The payload is bytes: a value may hold NULs.
struct message {
    message_type type{};
    std::uint32_t request = 0;
    std::uint32_t transaction = 0;
    std::string payload;
};

/// Appends the message's bytes to `out`. Precondition: payload.size() <= payload_max.
void encode(const message& what, std::vector<std::byte>& out);

/// Cuts a byte stream into messages. Feed it bytes in pieces of any size, take messages until there
/// are none. Holds at most one unfinished message (4112 bytes) beyond what was fed and not taken.
class decoder {
public:
    /// Takes more bytes of the stream.
    void feed(std::span<const std::byte> bytes);

    /// The next whole message, if there is one. A length over payload_max sets
    /// errc::store_protocol, for good: the stream cannot be followed any more (XSA-324).
    std::optional<message> next(error_code& ec);

private:
    std::vector<std::byte> bytes_;
    std::size_t taken_ = 0;
    bool broken_ = false;
};

/// Strings, each followed by a NUL.
std::string join(std::initializer_list<std::string_view> strings);

/// The reverse: cuts at each NUL. What follows the last NUL, if anything, is a string too.
std::vector<std::string> split(std::string_view payload);

/// What a watch event tells. Nothing if the payload is not two strings.
struct watch_event {
    std::string path;
    std::string token;
};
std::optional<watch_event> parse_watch_event(std::string_view payload);

/// A piece of a long directory (XS_DIRECTORY_PART): the generation of the node and some names;
/// `last` when no names follow. Nothing if malformed.
struct directory_part {
    std::string generation;
    std::vector<std::string> names;
    std::size_t length = 0; ///< bytes that the names took: what to add to the offset
    bool last = false;
};
std::optional<directory_part> parse_directory_part(std::string_view payload);

/// Entries of a node, owner first. Nothing if any is malformed or there is none.
std::optional<store_permissions> parse_permissions(std::string_view payload);

/// Whether a node's path can be sent: absolute up to 3072 bytes or relative up to 2048, made of
/// letters, digits and -/_@ with no empty element and no slash at the end ("/" itself is fine).
bool valid_path(std::string_view path) noexcept;

/// The same for what may be watched, which includes @introduceDomain and @releaseDomain.
bool valid_watch_path(std::string_view path) noexcept;

/// "ENOENT" -> ENOENT as an error_code. oxenstored's EQUOTA is EDQUOT. A word that is no known
/// errno is errc::store_protocol.
error_code parse_error(std::string_view word) noexcept;

/// ENOENT -> "ENOENT"; EINVAL's word for what the wire has no word for.
std::string_view error_word(int number) noexcept;

} // namespace xenring::store_wire
