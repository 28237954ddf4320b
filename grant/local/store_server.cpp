#include <xenring/grant/local/store_request.hpp>
#include <xenring/grant/local/store_server.hpp>

#include <algorithm>
#include <utility>

namespace xenring::local {

using lock = std::lock_guard<std::mutex>;

store_server::store_server(const store_quotas& quotas) : quotas_{quotas} {
    const store_permissions nobody{{domid{0}, store_access::none}};
    special_ = {{"@introduceDomain", nobody}, {"@releaseDomain", nobody}};
    domains_.insert(domid{0});
    std::vector<node_change> unheard;
    node_operations control = operations(tree_, domid{0}, unheard);
    control.mkdir("/tool/xenstored");
    control.write("/local/domain/0/domid", "0");
    control.write("/local/domain/0/name", "Domain-0");
}

node_operations store_server::operations(store_view& view, domid domain,
                                         std::vector<node_change>& changes) {
    return {
        view, {domain, quotas_, [this](domid other) { return domains_.contains(other); }}, changes};
}

bool store_server::is_introduced(domid domain) const {
    const lock guard{mutex_};
    return domains_.contains(domain);
}

store_server::connection_id store_server::open(domid domain, std::function<void()> notify) {
    const lock guard{mutex_};
    const connection_id id = next_connection_++;
    const auto added = connections_.try_emplace(id, domain, std::move(notify)).first;
    added->second.ended = !domains_.contains(domain);
    return id;
}

void store_server::close(connection_id id) {
    const lock guard{mutex_};
    connections_.erase(id);
}

void store_server::receive(connection_id id, std::span<const std::byte> bytes) {
    const lock guard{mutex_};
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second.ended)
        return;
    found->second.input.feed(bytes);
    process(found->second);
}

std::size_t store_server::read(connection_id id, std::span<std::byte> bytes) {
    const lock guard{mutex_};
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return 0;
    const std::size_t count = found->second.output.take(bytes);
    process(found->second); // what had to wait for this
    return count;
}

bool store_server::accepts_input(connection_id id) const {
    const lock guard{mutex_};
    const auto found = connections_.find(id);
    return found != connections_.end() &&
           (found->second.privileged() ||
            found->second.output.answers() < quotas_.outstanding_requests);
}

bool store_server::has_ended(connection_id id) const {
    const lock guard{mutex_};
    const auto found = connections_.find(id);
    return found == connections_.end() || found->second.ended;
}

void store_server::process(store_connection& connection) {
    while (!connection.ended && (connection.privileged() ||
                                 connection.output.answers() < quotas_.outstanding_requests)) {
        error_code ec;
        const auto request = connection.input.next(ec);
        if (ec) {
            connection.reset();
            connection.ended = true;
            connection.notify();
        }
        if (!request)
            return;
        answer(connection, *request);
        connection.notify();
    }
}

void store_server::answer(store_connection& connection, const store_wire::message& request) {
    if (const auto order = failures_.find(request.type); order != failures_.end()) {
        if (--order->second.left == 0) {
            // A transaction is over however its end is answered.
            if (request.type == store_wire::message_type::transaction_end)
                connection.transactions.erase(request.transaction);
            connection.output.push({store_wire::message_type::error, request.request,
                                    request.transaction, store_wire::join({order->second.word})});
            failures_.erase(order);
            return;
        }
    }
    store_request{*this, connection, request}.run();
}

void store_server::fail_nth(store_wire::message_type type, std::uint64_t n, std::string word) {
    const lock guard{mutex_};
    failures_.insert_or_assign(type, failure_order{n, std::move(word)});
}

void store_server::tell(const std::vector<node_change>& changes) {
    for (const node_change& change : changes)
        for (auto& [id, connection] : connections_)
            connection.hear_of(change);
}

void store_server::tell_special(const std::string& name) {
    const node_change change{name, true, {special_.at(name)}};
    for (auto& [id, connection] : connections_)
        connection.hear_of(change);
}

store_server::usage store_server::used() const {
    const lock guard{mutex_};
    usage result{tree_.nodes().size(), 0, 0, connections_.size()};
    for (const auto& [id, connection] : connections_) {
        result.watches += connection.watches.size();
        result.transactions += connection.transactions.size();
    }
    return result;
}

store_server::usage store_server::used_by(domid domain) const {
    const lock guard{mutex_};
    return count(domain);
}

store_server::usage store_server::count(domid domain) const {
    usage result{tree_.owned_by(domain), 0, 0, 0};
    for (const auto& [id, connection] : connections_) {
        if (connection.domain != domain)
            continue;
        ++result.connections;
        result.watches += connection.watches.size();
        result.transactions += connection.transactions.size();
    }
    return result;
}

} // namespace xenring::local
