#include <xenring/grant/store_transaction.hpp>
#include <xenring/vchan/peer_check.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <span>

namespace xenring::vchan::detail {
namespace {

/// A leaf: a watch on the whole directory would fire for all that the domain ever writes.
std::string domain_node(domid domain) {
    return "/local/domain/" + std::to_string(domain.value) + "/domid";
}

/// What a client leaves for a server that may not read its domain's own nodes. The server's port
/// tells the channels between the two apart.
std::string sign_node(domid client, domid server, port of_server) {
    return "/local/domain/" + std::to_string(client.value) + "/data/vchan-peer-" +
           std::to_string(server.value) + "-" + std::to_string(of_server.value);
}

/// Domain 0 needs none, and never goes.
bool leaves_sign(const domain& here, const channel_names& names) {
    return names.role == ring::vchan_role::client && here.self() != domid{0} &&
           names.peer != domid{0};
}

/// A sign that is there gives its rights once more: it may have been left for an earlier domain of
/// the server's number (XSA-322).
void leave_sign(const domain& here, const channel_names& names) {
    if (!leaves_sign(here, names))
        return;
    const auto self = here.self();
    const store_entry sign{sign_node(self, names.peer, names.keys.event_channel),
                           {},
                           {{self, store_access::none}, {names.peer, store_access::read}}};
    error_code ec; // without a sign the server has to ask now and then
    here.store().set_permissions(sign.path, sign.permissions, ec);
    if (ec == errno_code(ENOENT))
        write_with_permissions(here.store(), std::span{&sign, 1}, ec);
}

bool unreadable(const domain& here, const std::string& node) {
    error_code ec;
    here.store().exists(node, ec);
    return ec == errno_code(EACCES);
}

/// As a guest and server: binding to port 0, which no domain has, is ESRCH if the domain is not
/// there and EINVAL if it is (EVTCHNOP_bind_interdomain). It needs no privilege and has no effect.
presence client_by_binding(const domain& here, const channel_names& names) {
    if (names.peer == domid{0})
        return presence::there;
    error_code ec;
    const auto channel = here.hypervisor().open_event_channel(ec);
    if (ec)
        return presence::unclear;
    channel->bind_interdomain(names.peer, port{0}, ec);
    return ec == errno_code(ESRCH) ? presence::gone : presence::unclear;
}

/// As a guest and client: a page of a domain that is gone cannot be mapped once more.
presence server_by_mapping(const domain& here, const channel_names& names) {
    error_code ec;
    const foreign_grant control{names.peer, names.keys.control};
    const auto probe = here.hypervisor().map<access::read_only>(std::span{&control, 1}, {}, ec);
    return ec && refused_by_xen(ec) ? presence::gone : presence::unclear;
}

std::string sign_of_client(const domain& here, const channel_names& names) {
    return sign_node(names.peer, here.self(), names.keys.event_channel);
}

presence client_by_sign(const domain& here, const channel_names& names) {
    error_code ec;
    if (here.store().exists(sign_of_client(here, names), ec) && !ec)
        return presence::there;
    return client_by_binding(here, names);
}

presence server_by_keys(const domain& here, const channel_names& names) {
    error_code ec;
    if (read_keys(here.store(), names.base, ec) == names.keys && !ec)
        return presence::there;
    const bool vanished = !ec || ec == errc::server_keys_missing ||
                          ec == errc::server_keys_malformed || ec == errc::store_gone;
    return vanished ? server_by_mapping(here, names) : presence::unclear;
}

} // namespace

bool refused_by_xen(const error_code& ec) noexcept {
    return ec.category() == grant_status_category() || ec == errc::no_such_domain ||
           ec == errno_code(EINVAL) || ec == errno_code(ESRCH) || ec == errno_code(ENOENT);
}

store_watch watch_for_end(const domain& here, const channel_names& names, error_code& ec) {
    const auto own = domain_node(names.peer);
    if (names.role == ring::vchan_role::client) {
        leave_sign(here, names);
        return here.store().watch(ring_ref_node(names.base), ec);
    }
    return here.store().watch(unreadable(here, own) ? sign_of_client(here, names) : own, ec);
}

void withdraw(const domain& here, const channel_names& names, error_code& ec) {
    ec.clear();
    if (names.role == ring::vchan_role::server)
        return remove_keys(here.store(), names.base, names.keys, ec);
    error_code none; // was there
    if (leaves_sign(here, names))
        here.store().remove(sign_node(here.self(), names.peer, names.keys.event_channel), none);
}

presence check_presence(const domain& here, const channel_names& names) {
    error_code ec;
    const bool there = here.store().exists(domain_node(names.peer), ec);
    if (!ec)
        return there ? presence::there : presence::gone;
    if (ec != errno_code(EACCES) && ec != errc::store_gone)
        return presence::unclear; // the store is in trouble, not the peer
    return names.role == ring::vchan_role::client ? server_by_keys(here, names)
                                                  : client_by_sign(here, names);
}

error_code how_server_left(const domain& here, const channel_names& names) {
    if (check_presence(here, names) == presence::gone)
        return errc::peer_domain_died;
    error_code ec;
    const auto found = read_keys(here.store(), names.base, ec);
    const bool ended = ec == errc::server_keys_missing || ec == errc::server_keys_malformed ||
                       (!ec && found != names.keys);
    return ended ? error_code{boost::asio::error::eof} : ec;
}

} // namespace xenring::vchan::detail
