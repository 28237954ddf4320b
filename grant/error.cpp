#include <xenring/grant/error.hpp>

#include <cerrno>

namespace xenring {
namespace {

const char* describe(errc value) noexcept {
    switch (value) {
    case errc::no_hypervisor:
        return "no hypervisor answers";
    case errc::bad_specification:
        return "malformed hypervisor specification";
    case errc::device_missing:
        return "a Xen device node is missing: load its module (modprobe xen-evtchn xen-gntdev "
               "xen-gntalloc)";
    case errc::device_permission:
        return "no permission to open a Xen device node: run as root, or let a udev rule grant it";
    case errc::loopback_refused:
        return "a domain cannot do this with itself";
    case errc::grant_limit:
        return "no more pages can be granted: raise "
               "/sys/module/xen_gntalloc/parameters/limit, or use smaller rings";
    case errc::unmap_notify_refused:
        return "the hypervisor refused the unmap notification";
    case errc::not_connected:
        return "not open";
    case errc::domain_destroyed:
        return "this domain was destroyed";
    case errc::hypervisor_gone:
        return "the stand-in hypervisor's process ended";
    case errc::protocol_violation:
        return "the hypervisor answered with something impossible";
    case errc::no_such_domain:
        return "no such domain";
    case errc::store_gone:
        return "the connection to the store ended";
    case errc::store_protocol:
        return "the store sent a message that is not of its protocol";
    case errc::transaction_conflict:
        return "the store transaction conflicted on every try; others write the same nodes";
    case errc::peer_closed:
        return "the peer closed the channel";
    case errc::peer_process_died:
        return "the peer's process died without closing the channel, or gave it up";
    case errc::peer_domain_died:
        return "the peer's domain was destroyed";
    case errc::ring_corrupt:
        return "the peer wrote impossible ring indices; the channel is unusable";
    case errc::bad_geometry:
        return "unusable ring sizes: each must be 1 KiB to 1 MiB, and both in-page rings must "
               "differ";
    case errc::bad_live_byte:
        return "the peer wrote an impossible live byte";
    case errc::server_keys_missing:
        return "no server is listening at this path";
    case errc::server_keys_malformed:
        return "the server's ring-ref or event-channel in the store is malformed";
    case errc::channel_busy:
        return "another client is connected to this channel, or its server has gone";
    case errc::path_too_long:
        return "the store path is too long";
    case errc::timed_out:
        return "timed out";
    case errc::device_keys_missing:
        return "the peer did not publish the keys that connecting needs";
    case errc::device_keys_malformed:
        return "the peer's keys in the store are malformed";
    case errc::feature_missing:
        return "the peer lacks a feature that is needed";
    case errc::event_overflow:
        return "the event channel device lost events; close and reopen it";
    case errc::socket_path_too_long:
        return "a socket's path may have no more than 107 bytes; choose a shorter directory";
    case errc::foreign_directory:
        return "the directory holds what no stand-in made; move that away, or name another "
               "directory";
    case errc::store_refused:
        return "the store refused to let this domain write there: a guest may write only below "
               "its own data/ (/local/domain/N/data)";
    case errc::store_quota:
        return "the quota in the store of this domain is used up: it has too many nodes, or too "
               "many transactions at a time; remove nodes, end other programs, or raise the quota "
               "of xenstored";
    }
    return "unknown xenring error";
}

const char* describe(grant_status value) noexcept {
    switch (value) {
    case grant_status::okay:
        return "success";
    case grant_status::general_error:
        return "general grant error";
    case grant_status::bad_domain:
        return "unrecognised domain id";
    case grant_status::bad_grant_reference:
        return "unrecognised or ended grant reference";
    case grant_status::bad_handle:
        return "unrecognised grant handle";
    case grant_status::bad_virtual_address:
        return "inappropriate virtual address";
    case grant_status::bad_device_address:
        return "inappropriate device address";
    case grant_status::no_device_space:
        return "out of space in the I/O MMU";
    case grant_status::permission_denied:
        return "the grant does not permit this domain, or this kind of access";
    case grant_status::bad_page:
        return "the granted page is not usable";
    case grant_status::bad_copy_argument:
        return "the copy passes the end of a page";
    case grant_status::address_too_big:
        return "the page's address is too large";
    case grant_status::try_again:
        return "the granted page is paged out; try again";
    case grant_status::no_space:
        return "the grant or maptrack table is full";
    }
    return "unknown grant status";
}

class errc_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "xenring"; }
    std::string message(int value) const override { return describe(static_cast<errc>(value)); }
};

class status_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "xenring.grant_status"; }
    std::string message(int value) const override {
        return describe(static_cast<grant_status>(value));
    }
};

bool is_peer_gone(const error_code& code) noexcept {
    return code == errc::peer_closed || code == errc::peer_process_died ||
           code == errc::peer_domain_died || code == errc::no_such_domain;
}

bool is_peer_misbehaved(const error_code& code) noexcept {
    return code == errc::ring_corrupt || code == errc::bad_live_byte ||
           code == errc::bad_geometry || code == errc::server_keys_malformed ||
           code == errc::device_keys_malformed;
}

bool is_resource_exhausted(const error_code& code) noexcept {
    if (code == errc::grant_limit || code == errc::store_quota || code == grant_status::no_space ||
        code == grant_status::no_device_space)
        return true;
    if (code.category() == boost::system::system_category() ||
        code.category() == boost::system::generic_category())
        return code.value() == ENOSPC || code.value() == E2BIG || code.value() == EDQUOT ||
               code.value() == ENOMEM || code.value() == EMFILE || code.value() == ENFILE;
    return false;
}

bool is_not_available(const error_code& code) noexcept {
    return code == errc::no_hypervisor || code == errc::device_missing ||
           code == errc::device_permission || code == errc::hypervisor_gone;
}

class conditions final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "xenring.condition"; }
    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::peer_gone:
            return "the peer is gone";
        case condition::peer_misbehaved:
            return "the peer broke the protocol";
        case condition::resource_exhausted:
            return "a resource is exhausted";
        case condition::not_available:
            return "no hypervisor is available";
        }
        return "unknown condition";
    }
    bool equivalent(const error_code& code, int value) const noexcept override {
        switch (static_cast<condition>(value)) {
        case condition::peer_gone:
            return is_peer_gone(code);
        case condition::peer_misbehaved:
            return is_peer_misbehaved(code);
        case condition::resource_exhausted:
            return is_resource_exhausted(code);
        case condition::not_available:
            return is_not_available(code);
        }
        return false;
    }
};

} // namespace

const boost::system::error_category& category() noexcept {
    static const errc_category instance;
    return instance;
}

const boost::system::error_category& grant_status_category() noexcept {
    static const status_category instance;
    return instance;
}

const boost::system::error_category& condition_category() noexcept {
    static const conditions instance;
    return instance;
}

error_code errno_code(int number) noexcept {
    return {number, boost::system::system_category()};
}

void throw_if(const error_code& code, std::string_view context) {
    if (code)
        throw error{code, context};
}

} // namespace xenring
