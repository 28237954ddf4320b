// What a domain may do with the stand-in's nodes: permissions, parents, quotas.
#pragma once

#include <xenring/grant/local/store_tree.hpp>

#include <functional>
#include <string>
#include <vector>

namespace xenring::local {

/// Something that watchers must hear of.
struct node_change {
    std::string path;
    /// Only watches on exactly this path (a node under one that was removed); else also watches on
    /// what is above it.
    bool exact = false;
    /// Who may hear of it: whoever could read the node before, or can read it or its parent now.
    std::vector<store_permissions> readable;
};

/// What a domain may do with a node.
struct store_rights {
    bool read = false;
    bool write = false;
    bool owner = false;
};
store_rights rights_of(domid domain, const store_permissions& permissions) noexcept;

/// One domain's operations on a view. Paths are absolute and valid. Every operation returns 0 or
/// the errno that xenstored answers with, and then has changed nothing.
class node_operations {
public:
    struct context {
        domid domain;
        const store_quotas& quotas;
        /// Whether a domain is known; a node cannot be given to one that is not.
        std::function<bool(domid)> exists;
    };

    node_operations(store_view& view, context who, std::vector<node_change>& changes)
        : view_{view}, who_{std::move(who)}, changes_{changes} {}

    /// Null unless it returns 0.
    int find(const std::string& path, store_rights needed, const store_node*& node);
    int write(const std::string& path, std::string value);
    int mkdir(const std::string& path);
    int remove(const std::string& path);
    int set_permissions(const std::string& path, store_permissions permissions);

    /// Removes a node and what is under it, without asking who is asking. Precondition: it exists,
    /// and is not "/".
    void remove_tree(const std::string& path);

private:
    bool privileged() const noexcept { return who_.domain == domid{0}; }
    int error_of_missing(std::string path, store_rights needed);
    int create(const std::string& path, std::string value);
    int check_size(const store_node& node) const noexcept;
    void remove_children(const std::string& path, const store_node& node);
    void changed(const std::string& path, bool exact, const store_permissions* before = nullptr);

    store_view& view_;
    const context who_;
    std::vector<node_change>& changes_;
};

} // namespace xenring::local
