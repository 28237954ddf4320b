// A transaction's view of the stand-in's store.
#pragma once

#include <xenring/grant/local/store_nodes.hpp>
#include <xenring/grant/local/store_tree.hpp>

#include <map>
#include <optional>
#include <vector>

namespace xenring::local {

/// A node is copied when the transaction first touches it, as in xenstored: what the transaction
/// saw of a node stays as it was, and it conflicts if any node that it touched has changed since.
class transaction_view final : public store_view {
public:
    explicit transaction_view(store_tree& tree) noexcept : tree_{tree} {}

    const store_node* find(const std::string& path) override;
    const store_node* peek(const std::string& path) const override;
    void put(const std::string& path, store_node node) override;
    void erase(const std::string& path) override;
    std::size_t owned_by(domid domain) const override;

    /// How many nodes were touched.
    std::size_t size() const noexcept { return touched_.size(); }

    /// Makes the changes in the tree. Returns 0, or EAGAIN for a conflict, or ENOSPC if a domain
    /// would then own more than it may; then nothing changed.
    int commit(const store_quotas& quotas);

    /// Told to watchers at commit.
    std::vector<node_change> changes;

private:
    struct touched_node {
        std::uint64_t generation = 0; ///< when first touched; 0 if there was none
        std::optional<store_node> node;
        bool modified = false;
    };
    touched_node& touch(const std::string& path);

    store_tree& tree_;
    std::map<std::string, touched_node> touched_;
    std::map<domid, std::ptrdiff_t> owned_; ///< nodes that domains own more, or less, than before
};

} // namespace xenring::local
