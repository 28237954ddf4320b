// The stand-in's store: xenstored's behaviour with no socket, no clock and no thread of its own.
#pragma once

#include <xenring/grant/local/store_connection.hpp>
#include <xenring/grant/local/store_nodes.hpp>
#include <xenring/grant/local/store_tree.hpp>
#include <xenring/grant/store_wire.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::local {

/// Bytes of xenstore's protocol in, bytes out, for any number of connections, each of one domain.
///
/// Semantics are xenstored 4.17's (tools/xenstore): relative paths are the domain's own; a new node
/// has its parent's permissions and, made by a domain other than 0, that domain as owner; a
/// transaction copies a node when it first touches it and conflicts (EAGAIN) if a touched node has
/// changed meanwhile; a watch fires once at once and is told of changes that its domain may read.
/// Where 4.17 lets a domain have one watch or transaction more than the quota says, this does not.
/// There a guest has one connection, its kernel's, for all its programs; here each program has its
/// own, and watches and transactions count over all connections of the domain.
/// Administrative requests (CONTROL, INTRODUCE, RELEASE, RESUME, SET_TARGET) are ENOSYS for domain
/// 0 and EACCES for others: domains come and go by introduce() and release().
///
/// Thread safety: all members may be called from any thread; one lock inside. Notifications are
/// called with it held: they must not call the server, only wake whoever does.
class store_server {
public:
    using connection_id = std::uint64_t;

    /// Domain 0 is there from the start.
    explicit store_server(const store_quotas& quotas = {});

    /// Makes a domain known, and its nodes as xl does: /local/domain/N readable by it with name,
    /// domid, device, control, ...; data, attr, drivers, feature and error its own. Fires
    /// @introduceDomain. Does nothing if the domain is known.
    void introduce(domid domain, std::string_view name = {});
    /// The domain is gone: its connections end, every node that it owns and /local/domain/N are
    /// removed, its permissions elsewhere count no more (XSA-322) though they stay listed, watches
    /// fire, @releaseDomain too.
    void release(domid domain);
    bool is_introduced(domid domain) const;

    /// A new connection of a domain. `notify` is called when read() has something new.
    connection_id open(domid domain, std::function<void()> notify);
    /// Forgets a connection with its watches and transactions.
    void close(connection_id id);
    /// Bytes from the client, in pieces of any size. They are kept while answers wait to be taken
    /// beyond the quota of outstanding requests; see accepts_input().
    void receive(connection_id id, std::span<const std::byte> bytes);
    /// Bytes for the client; returns how many. 0: nothing now.
    std::size_t read(connection_id id, std::span<std::byte> bytes);
    /// Whether the client may send more; if not, after it has read.
    bool accepts_input(connection_id id) const;
    /// Whether it has ended: its domain was released, or it broke the protocol.
    bool has_ended(connection_id id) const;

    /// Lets the n-th request of a type from now (1 is the next), on any connection, fail with an
    /// errno's word ("ENOSPC"). One such order for each type; a new one replaces the old.
    void fail_nth(store_wire::message_type type, std::uint64_t n, std::string word);

    /// What is there now, all domains together or of one: for tests that nothing is left over.
    struct usage {
        std::size_t nodes = 0;
        std::size_t watches = 0;
        std::size_t transactions = 0;
        std::size_t connections = 0;
    };
    usage used() const;
    usage used_by(domid domain) const;

private:
    friend class store_request;
    struct failure_order {
        std::uint64_t left;
        std::string word;
    };

    usage count(domid domain) const; ///< used_by(), with the lock held
    void process(store_connection& connection);
    void answer(store_connection& connection, const store_wire::message& request);
    void make_nodes(domid domain, std::string_view name);
    void forget_permissions(domid domain);
    void tell(const std::vector<node_change>& changes);
    void tell_special(const std::string& name);
    node_operations operations(store_view& view, domid domain, std::vector<node_change>& changes);

    mutable std::mutex mutex_;
    const store_quotas quotas_;
    store_tree tree_;
    std::set<domid> domains_;
    std::map<std::string, store_permissions> special_; ///< of @introduceDomain, @releaseDomain
    std::map<connection_id, store_connection> connections_;
    connection_id next_connection_ = 1;
    std::map<store_wire::message_type, failure_order> failures_;
};

} // namespace xenring::local
