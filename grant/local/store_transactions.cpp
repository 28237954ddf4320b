#include <xenring/grant/local/store_transactions.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace xenring::local {

transaction_view::touched_node& transaction_view::touch(const std::string& path) {
    const auto [entry, first] = touched_.try_emplace(path);
    if (first) {
        if (const store_node* node = tree_.find(path)) {
            entry->second.generation = node->generation;
            entry->second.node = *node;
        }
    }
    return entry->second;
}

const store_node* transaction_view::find(const std::string& path) {
    const touched_node& touched = touch(path);
    return touched.node ? &*touched.node : nullptr;
}

const store_node* transaction_view::peek(const std::string& path) const {
    const auto found = touched_.find(path);
    if (found == touched_.end())
        return tree_.peek(path);
    return found->second.node ? &*found->second.node : nullptr;
}

void transaction_view::put(const std::string& path, store_node node) {
    erase(path);
    touched_node& touched = touch(path);
    node.generation = tree_.next_generation();
    ++owned_[node.owner()];
    touched.node = std::move(node);
}

void transaction_view::erase(const std::string& path) {
    touched_node& touched = touch(path);
    touched.modified = true;
    if (!touched.node)
        return;
    --owned_[touched.node->owner()];
    touched.node.reset();
}

std::size_t transaction_view::owned_by(domid domain) const {
    const auto change = owned_.find(domain);
    const auto before = static_cast<std::ptrdiff_t>(tree_.owned_by(domain));
    return static_cast<std::size_t>(
        std::max<std::ptrdiff_t>(0, before + (change == owned_.end() ? 0 : change->second)));
}

int transaction_view::commit(const store_quotas& quotas) {
    for (const auto& [path, touched] : touched_) {
        const store_node* now = tree_.find(path);
        if ((now ? now->generation : 0) != touched.generation)
            return EAGAIN;
    }
    for (const auto& [domain, change] : owned_)
        if (domain != domid{0} && change > 0 && owned_by(domain) > quotas.nodes)
            return ENOSPC;
    for (auto& [path, touched] : touched_) {
        if (!touched.modified)
            continue;
        if (touched.node)
            tree_.put(path, std::move(*touched.node));
        else
            tree_.erase(path);
    }
    return 0;
}

} // namespace xenring::local
