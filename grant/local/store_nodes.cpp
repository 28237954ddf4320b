#include <xenring/grant/local/store_nodes.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace xenring::local {
namespace {

bool covers(store_rights has, store_rights needed) noexcept {
    return (has.read || !needed.read) && (has.write || !needed.write) &&
           (has.owner || !needed.owner);
}

bool overlaps(store_rights has, store_rights needed) noexcept {
    return (has.read && needed.read) || (has.write && needed.write) || (has.owner && needed.owner);
}

} // namespace

store_rights rights_of(domid domain, const store_permissions& permissions) noexcept {
    if (domain == domid{0} || permissions.front().domain == domain)
        return {true, true, true};
    const auto own = std::find_if(permissions.begin() + 1, permissions.end(),
                                  [domain](const auto& entry) { return entry.domain == domain; });
    const auto bits =
        static_cast<unsigned>(own == permissions.end() ? permissions.front().access : own->access);
    return {(bits & static_cast<unsigned>(store_access::read)) != 0,
            (bits & static_cast<unsigned>(store_access::write)) != 0, false};
}

int node_operations::find(const std::string& path, store_rights needed, const store_node*& node) {
    node = nullptr;
    const store_node* const found = view_.find(path);
    if (!found)
        return error_of_missing(path, needed);
    if (!covers(rights_of(who_.domain, found->permissions), needed))
        return EACCES;
    node = found;
    return 0;
}

// Whether a node is there is told only to those who could have used the nearest one that is.
int node_operations::error_of_missing(std::string path, store_rights needed) {
    const store_node* nearest = nullptr;
    while (!nearest) {
        path = parent_of(path);
        nearest = view_.find(path);
    }
    return overlaps(rights_of(who_.domain, nearest->permissions), needed) ? ENOENT : EACCES;
}

int node_operations::check_size(const store_node& node) const noexcept {
    return !privileged() && node.size() >= who_.quotas.node_size ? ENOSPC : 0;
}

int node_operations::write(const std::string& path, std::string value) {
    const store_node* node = nullptr;
    const int failure = find(path, {.write = true}, node);
    if (failure == ENOENT)
        return create(path, std::move(value));
    if (failure)
        return failure;
    store_node next = *node;
    next.value = std::move(value);
    if (const int too_large = check_size(next))
        return too_large;
    view_.put(path, std::move(next));
    changed(path, false);
    return 0;
}

int node_operations::mkdir(const std::string& path) {
    const store_node* node = nullptr;
    const int failure = find(path, {.write = true}, node);
    return failure == ENOENT ? create(path, {}) : failure;
}

int node_operations::create(const std::string& path, std::string value) {
    std::vector<std::string> missing{path};
    std::string parent = parent_of(path);
    for (; !view_.find(parent); parent = parent_of(parent))
        missing.push_back(parent);
    if (!privileged() && view_.owned_by(who_.domain) + missing.size() > who_.quotas.nodes)
        return ENOSPC;

    // Children have their parent's permissions, except that a domain owns what it makes.
    store_node top = *view_.find(parent);
    store_node leaf{std::move(value), top.permissions, {}, 0, top.listed};
    if (!privileged())
        leaf.permissions.front().domain = leaf.listed.front().domain = who_.domain;
    top.children.insert(name_of(missing.back()));
    if (check_size(leaf) != 0 || check_size(top) != 0)
        return ENOSPC;

    view_.put(parent, std::move(top));
    for (std::size_t each = missing.size() - 1; each > 0; --each)
        view_.put(missing[each],
                  {{}, leaf.permissions, {name_of(missing[each - 1])}, 0, leaf.listed});
    view_.put(path, std::move(leaf));
    changed(path, false);
    return 0;
}

int node_operations::remove(const std::string& path) {
    if (path == "/")
        return EINVAL;
    const store_node* node = nullptr;
    const int failure = find(path, {.write = true}, node);
    if (failure == ENOENT)
        return view_.find(parent_of(path)) ? 0 : ENOENT;
    if (failure)
        return failure;
    remove_tree(path);
    return 0;
}

void node_operations::remove_tree(const std::string& path) {
    changed(path, false);
    const store_node node = *view_.find(path);
    remove_children(path, node);
    view_.erase(path);
    const std::string parent = parent_of(path);
    store_node above = *view_.find(parent);
    above.children.erase(name_of(path));
    view_.put(parent, std::move(above));
}

void node_operations::remove_children(const std::string& path, const store_node& node) {
    for (const std::string& name : node.children) {
        const std::string child = child_of(path, name);
        changed(child, true);
        remove_children(child, store_node{*view_.find(child)});
        view_.erase(child);
    }
}

int node_operations::set_permissions(const std::string& path, store_permissions permissions) {
    if (!privileged() && permissions.size() > who_.quotas.permissions)
        return ENOSPC;
    const store_node* node = nullptr;
    if (const int failure = find(path, {.write = true, .owner = true}, node))
        return failure;
    if (!privileged() && permissions.front().domain != node->owner())
        return EPERM;
    if (!who_.exists(permissions.front().domain))
        return ENOENT;
    const store_permissions before = node->permissions;
    store_node next = *node;
    next.permissions = next.listed = std::move(permissions);
    if (const int too_large = check_size(next))
        return too_large;
    view_.put(path, std::move(next));
    changed(path, false, &before);
    return 0;
}

void node_operations::changed(const std::string& path, bool exact,
                              const store_permissions* before) {
    node_change change{path, exact, {view_.peek(path)->permissions}};
    if (path != "/")
        change.readable.push_back(view_.peek(parent_of(path))->permissions);
    if (before)
        change.readable.push_back(*before);
    changes_.push_back(std::move(change));
}

} // namespace xenring::local
