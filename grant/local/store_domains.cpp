// How domains come to be in the stand-in's store, and how they go.
#include <xenring/grant/local/store_server.hpp>

#include <algorithm>

namespace xenring::local {

void store_server::introduce(domid domain, std::string_view name) {
    const std::lock_guard guard{mutex_};
    if (domains_.contains(domain))
        return;
    // Entries that named this number before the domain was there are not meant for it.
    forget_permissions(domain);
    domains_.insert(domain);
    make_nodes(domain, name);
    tell_special("@introduceDomain");
}

// As libxl makes them: what describes the domain it may read, what it reports itself it owns.
void store_server::make_nodes(domid domain, std::string_view name) {
    const store_permissions read_only{{domid{0}, store_access::none}, {domain, store_access::read}};
    const store_permissions its_own{{domain, store_access::none}};
    const std::string top = path_of_domain(domain);
    const std::string number = std::to_string(domain.value);

    std::vector<node_change> changes;
    node_operations control = operations(tree_, domid{0}, changes);
    const auto make = [&](const std::string& path, std::string value,
                          const store_permissions& permissions) {
        control.write(path, std::move(value));
        control.set_permissions(path, permissions);
    };
    make(top, {}, read_only);
    for (const char* name_of_node : {"device", "control"})
        make(child_of(top, name_of_node), {}, read_only);
    make(child_of(top, "domid"), number, read_only);
    make(child_of(top, "name"), name.empty() ? "domain-" + number : std::string{name}, read_only);
    for (const char* name_of_node :
         {"data", "attr", "drivers", "feature", "error", "control/shutdown"})
        make(child_of(top, name_of_node), {}, its_own);
    tell(changes);
}

void store_server::release(domid domain) {
    const std::lock_guard guard{mutex_};
    if (domain == domid{0} || domains_.erase(domain) == 0)
        return;
    for (auto& [id, connection] : connections_) {
        if (connection.domain != domain)
            continue;
        connection.reset();
        connection.ended = true;
        connection.notify();
    }
    std::vector<std::string> doomed{path_of_domain(domain)};
    for (const auto& [path, node] : tree_.nodes())
        if (node.owner() == domain)
            doomed.push_back(path);
    std::vector<node_change> changes;
    node_operations control = operations(tree_, domid{0}, changes);
    for (const std::string& path : doomed)
        if (tree_.find(path))
            control.remove_tree(path);
    forget_permissions(domain);
    tell_special("@releaseDomain");
    tell(changes);
}

void store_server::forget_permissions(domid domain) {
    const auto names_domain = [domain](const store_permission& entry) {
        return entry.domain == domain;
    };
    const auto forget = [&](store_permissions& permissions) {
        permissions.erase(std::remove_if(permissions.begin() + 1, permissions.end(), names_domain),
                          permissions.end());
    };
    std::vector<std::string> paths;
    for (const auto& [path, node] : tree_.nodes())
        if (std::any_of(node.permissions.begin() + 1, node.permissions.end(), names_domain))
            paths.push_back(path);
    for (const std::string& path : paths) {
        store_node node = *tree_.find(path);
        forget(node.permissions);
        tree_.put(path, std::move(node));
    }
    for (auto& [name, permissions] : special_) {
        forget(permissions);
        if (names_domain(permissions.front()))
            permissions.front() = {domid{0}, store_access::none};
    }
}

} // namespace xenring::local
