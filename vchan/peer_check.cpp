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

/// As a guest and server: binding to port 0, which no domain has, is ESRCH if the domain is not
/// there and EINVAL if it is (EVTCHNOP_bind_interdomain). It needs no privilege and has no effect.
presence client_by_binding(const domain& here, const channel_names& names) {
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
    if (read_keys(here.store(), names.base, ec) == names.keys && !ec)
        return presence::there;
    if (ec && ec != errc::server_keys_missing && ec != errc::server_keys_malformed)
        return presence::unclear;
    ec.clear();
    const foreign_grant control{names.peer, names.keys.control};
    const auto probe = here.hypervisor().map<access::read_only>(std::span{&control, 1}, {}, ec);
    if (!ec)
        return presence::there;
    return refused_by_xen(ec) ? presence::gone : presence::unclear;
}

} // namespace

bool refused_by_xen(const error_code& ec) noexcept {
    return ec.category() == grant_status_category() || ec == errc::no_such_domain ||
           ec == errno_code(EINVAL) || ec == errno_code(ESRCH) || ec == errno_code(ENOENT);
}

std::string presence_node(const channel_names& names) {
    return names.role == ring::vchan_role::client ? ring_ref_node(names.base)
                                                  : domain_node(names.peer);
}

presence check_presence(const domain& here, const channel_names& names) {
    error_code ec;
    const bool there = here.store().exists(domain_node(names.peer), ec);
    if (!ec)
        return there ? presence::there : presence::gone;
    if (ec != errno_code(EACCES))
        return presence::unclear; // the store is in trouble, not the peer
    if (names.role == ring::vchan_role::client)
        return server_by_mapping(here, names);
    return names.peer == domid{0} ? presence::there : client_by_binding(here, names);
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
