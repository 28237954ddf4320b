// The requests that read, watch, open and close.
#include <xenring/grant/local/store_request.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

namespace xenring::local {

using store_wire::join;

int store_request::read_value(const store_node& node) {
    reply_ = node.value;
    return has_strings(1) ? 0 : EINVAL;
}

int store_request::list(const store_node& node) {
    reply_.clear();
    for (const std::string& name : node.children)
        reply_ += join({name});
    if (!has_strings(1))
        return EINVAL;
    return reply_.size() > store_wire::payload_max ? E2BIG : 0;
}

// The generation, then names from a byte offset on, then an empty name if that was all.
int store_request::list_part(const store_node& node) {
    if (!has_strings(2))
        return EINVAL;
    std::size_t offset = 0;
    const std::string& text = strings_[1];
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (failure != std::errc{} || end != text.data() + text.size())
        return EINVAL;

    std::string names;
    for (const std::string& name : node.children)
        names += join({name});
    reply_ = join({std::to_string(node.generation)});
    const std::size_t space = store_wire::payload_max - reply_.size() - 1;
    std::string_view rest = std::string_view{names}.substr(std::min(offset, names.size()));
    const bool all = rest.size() <= space;
    if (!all)
        rest = rest.substr(0, rest.rfind('\0', space - 1) + 1);
    reply_ += rest;
    if (all)
        reply_ += '\0';
    return 0;
}

int store_request::get_permissions(const store_node& node) {
    if (!has_strings(1))
        return EINVAL;
    reply_.clear();
    for (const store_permission& permission : node.listed)
        reply_ += join({to_string(permission)});
    return 0;
}

int store_request::watch() {
    const std::string where = has_strings(2) ? connection_.absolute(strings_[0]) : std::string{};
    if (where.empty())
        return EINVAL;
    const std::string& token = strings_[1];
    const bool there =
        std::any_of(connection_.watches.begin(), connection_.watches.end(),
                    [&](const auto& each) { return each.path == where && each.token == token; });
    if (there)
        return EEXIST;
    if (!connection_.privileged() &&
        server_.count(connection_.domain).watches >= server_.quotas_.watches)
        return E2BIG;
    const bool relative = !strings_[0].starts_with('/') && !strings_[0].starts_with('@');
    connection_.watches.push_back({where, token, relative});
    return 0;
}

int store_request::unwatch() {
    const std::string where = has_strings(2) ? connection_.absolute(strings_[0]) : std::string{};
    if (where.empty())
        return EINVAL;
    auto& watches = connection_.watches;
    const auto found = std::find_if(watches.begin(), watches.end(), [&](const auto& each) {
        return each.path == where && each.token == strings_[1];
    });
    if (found == watches.end())
        return ENOENT;
    watches.erase(found);
    return 0;
}

int store_request::reset_watches() {
    if (transaction_)
        return EINVAL;
    connection_.reset();
    return 0;
}

int store_request::start_transaction() {
    if (transaction_)
        return EBUSY;
    if (!connection_.privileged() &&
        server_.count(connection_.domain).transactions >= server_.quotas_.transactions)
        return ENOSPC;
    auto& open = connection_.transactions;
    std::uint32_t id = 0;
    do
        id = connection_.next_transaction++;
    while (id == 0 || open.contains(id));
    open.emplace(id, std::make_unique<transaction_view>(server_.tree_));
    reply_ = join({std::to_string(id)});
    return 0;
}

int store_request::end_transaction() {
    if (!transaction_)
        return ENOENT;
    if (!has_strings(1) || (strings_[0] != "T" && strings_[0] != "F"))
        return EINVAL;
    const auto ended = connection_.transactions.extract(request_.transaction);
    transaction_ = nullptr;
    if (strings_[0] == "F")
        return 0;
    transaction_view& view = *ended.mapped();
    if (!connection_.privileged() && view.size() > server_.quotas_.transaction_nodes)
        return ENOSPC;
    changes_ = std::move(view.changes);
    return view.commit(server_.quotas_);
}

int store_request::domain_path() {
    const auto domain = domain_argument();
    if (!domain)
        return EINVAL;
    reply_ = join({path_of_domain(*domain)});
    return 0;
}

int store_request::domain_introduced() {
    if (!connection_.privileged())
        return EACCES;
    const auto domain = domain_argument();
    if (!domain)
        return EINVAL;
    reply_ = join({server_.domains_.contains(*domain) ? "T" : "F"});
    return 0;
}

int store_request::administer() {
    return connection_.privileged() ? ENOSYS : EACCES;
}

} // namespace xenring::local
