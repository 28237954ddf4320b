// One error vocabulary for every room. System failures keep their errno (system_category); what has
// no errno is an errc in our own category; what the hypervisor said of one grant is a grant_status.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <string_view>
#include <type_traits>

namespace xenring {

using error_code = boost::system::error_code;
using error_condition = boost::system::error_condition;

/// Failures that no errno names. message() says what happened and what to do about it.
enum class errc {
    no_hypervisor = 1,     ///< neither Xen's devices nor a stand-in were found
    bad_specification,     ///< the text that names a hypervisor is malformed
    device_missing,        ///< a /dev/xen node does not exist
    device_permission,     ///< a /dev/xen node exists but may not be opened
    loopback_refused,      ///< a domain cannot grant pages to itself or connect to itself
    grant_limit,           ///< gntalloc's limit, or the grant table, is full
    unmap_notify_refused,  ///< the hypervisor would not register an unmap notification
    not_connected,         ///< the object was moved from, closed, or never opened
    domain_destroyed,      ///< our own domain was destroyed under us (stand-in)
    hypervisor_gone,       ///< the stand-in's process ended
    protocol_violation,    ///< the stand-in or the store answered with something impossible
    no_such_domain,        ///< the other domain does not exist (any more)
    store_gone,            ///< the connection to the store ended
    store_protocol,        ///< the store sent a message that is not of its protocol
    transaction_conflict,  ///< a store transaction lost every one of its tries
    peer_closed,           ///< the peer closed the channel; everything it sent was delivered
    peer_process_died,     ///< the peer's process ended without closing, or aborted the channel
    peer_domain_died,      ///< the peer's whole domain was destroyed
    ring_corrupt,          ///< the peer's indices are impossible (XSA-86)
    bad_geometry,          ///< the ring orders or sizes are not usable
    bad_live_byte,         ///< a vchan live byte outside 0..2
    server_keys_missing,   ///< the server's store keys are not there
    server_keys_malformed, ///< the server's store keys do not hold what they must
    channel_busy,          ///< another client is connected to this channel
    path_too_long,         ///< a path in the store longer than its peer or the store can take
    timed_out,             ///< a deadline passed
    device_keys_missing,   ///< a device's peer did not publish what connecting needs
    device_keys_malformed, ///< a device's peer published something else than it must
    feature_missing,       ///< a device's peer lacks a feature that there is no doing without
    event_overflow,        ///< the event channel device lost events (EFBIG)
    socket_path_too_long,  ///< a unix socket's path over 107 bytes
    foreign_directory,     ///< what is in the way there was not made by a stand-in
    store_refused,         ///< the store does not let this domain write where it was asked to
    store_quota,           ///< this domain's quota of nodes or transactions in the store is used up
};

/// The hypervisor's verdict on one grant operation (xen/grant_table.h, GNTST_*; 0 is success).
enum class grant_status : std::int16_t {
    okay = 0,
    general_error = -1,
    bad_domain = -2,
    bad_grant_reference = -3,
    bad_handle = -4,
    bad_virtual_address = -5,
    bad_device_address = -6,
    no_device_space = -7,
    permission_denied = -8,
    bad_page = -9,
    bad_copy_argument = -10,
    address_too_big = -11,
    try_again = -12,
    no_space = -13,
};

/// What callers usually branch on; compare an error_code of any category with these.
enum class condition {
    peer_gone = 1,      ///< the peer closed, its process died, or its domain is gone
    peer_misbehaved,    ///< the peer broke the wire's rules
    resource_exhausted, ///< a quota or a table is full; retrying at once will not help
    not_available,      ///< no hypervisor, no device, no permission
};

const boost::system::error_category& category() noexcept;
const boost::system::error_category& grant_status_category() noexcept;
const boost::system::error_category& condition_category() noexcept;

inline error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), category()};
}
inline error_code make_error_code(grant_status value) noexcept {
    return {static_cast<int>(value), grant_status_category()};
}
inline error_condition make_error_condition(condition value) noexcept {
    return {static_cast<int>(value), condition_category()};
}

/// An errno as an error_code that keeps its number.
error_code errno_code(int number) noexcept;

/// What the throwing overloads throw: what() is "CONTEXT: message", for example
/// "map grant reference 8 of domain 3: permission denied".
class error : public boost::system::system_error {
public:
    error(error_code code, std::string_view context)
        : boost::system::system_error{code, std::string{context}} {}
};

/// Throws error{code, context} if code is a failure.
void throw_if(const error_code& code, std::string_view context);

} // namespace xenring

template <>
struct boost::system::is_error_code_enum<xenring::errc> : std::true_type {};
template <>
struct boost::system::is_error_code_enum<xenring::grant_status> : std::true_type {};
template <>
struct boost::system::is_error_condition_enum<xenring::condition> : std::true_type {};
