// The nodes of the stand-in's store.
#pragma once

#include <xenring/grant/store_permissions.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace xenring::local {

/// What one domain may have in the store (xenstored's defaults). Domain 0 may have anything.
struct store_quotas {
    std::size_t nodes = 1000;              ///< nodes that it owns: ENOSPC
    std::size_t watches = 128;             ///< on all its connections together: E2BIG
    std::size_t transactions = 10;         ///< open at once, on all of them together: ENOSPC
    std::size_t transaction_nodes = 1024;  ///< touched in one transaction: ENOSPC
    std::size_t node_size = 2048;          ///< value, permissions, children's names: ENOSPC
    std::size_t permissions = 5;           ///< entries of one node: ENOSPC
    std::size_t outstanding_requests = 20; ///< answers not yet taken; then no more is read
};

/// One node. Its generation changes with every change of it and is never used twice.
struct store_node {
    std::string value;
    store_permissions permissions; ///< what counts
    std::set<std::string> children;
    std::uint64_t generation = 0;
    /// What was set and is told to whoever asks. It still names domains that were not there then,
    /// or are gone since; for a later domain of that number it says nothing (XSA-322).
    store_permissions listed;

    domid owner() const { return permissions.front().domain; }
    /// What xenstored counts against the quota for a node's size.
    std::size_t size() const;
};

/// Nodes by absolute path, read and changed one at a time: the store itself, or a transaction's
/// view of it. Rules about parents, permissions and quotas are not made here.
class store_view {
public:
    virtual ~store_view() = default;
    /// Null if there is none; valid until that node is put or erased.
    virtual const store_node* find(const std::string& path) = 0;
    /// The same, but a transaction does not count it as touched.
    virtual const store_node* peek(const std::string& path) const = 0;
    virtual void put(const std::string& path, store_node node) = 0;
    virtual void erase(const std::string& path) = 0;
    /// How many nodes a domain owns.
    virtual std::size_t owned_by(domid domain) const = 0;
};

/// The store itself.
class store_tree final : public store_view {
public:
    /// Only "/" is there, owned by domain 0.
    store_tree();

    const store_node* find(const std::string& path) override;
    const store_node* peek(const std::string& path) const override;
    void put(const std::string& path, store_node node) override;
    void erase(const std::string& path) override;
    std::size_t owned_by(domid domain) const override;

    std::uint64_t next_generation() noexcept { return ++generation_; }
    const std::map<std::string, store_node>& nodes() const noexcept { return nodes_; }

private:
    std::map<std::string, store_node> nodes_;
    std::map<domid, std::size_t> owned_;
    std::uint64_t generation_ = 0;
};

/// "/a/b" -> "/a"; "/a" -> "/". Precondition: an absolute path other than "/".
std::string parent_of(const std::string& path);
/// "/a/b" -> "b".
std::string name_of(const std::string& path);
/// "/a", "b" -> "/a/b".
std::string child_of(const std::string& path, std::string_view name);
/// Whether path is top or something under it.
bool is_within(std::string_view path, std::string_view top) noexcept;
/// "/local/domain/N".
std::string path_of_domain(domid domain);

} // namespace xenring::local
