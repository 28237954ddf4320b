#include <xenring/grant/local/store_tree.hpp>

#include <utility>

namespace xenring::local {

std::size_t store_node::size() const {
    constexpr std::size_t header = 20; // generation and three lengths
    constexpr std::size_t per_permission = 8;
    std::size_t total = header + listed.size() * per_permission + value.size();
    for (const std::string& name : children)
        total += name.size() + 1;
    return total;
}

store_tree::store_tree() {
    store_node root;
    root.permissions = root.listed = {{domid{0}, store_access::none}};
    put("/", std::move(root));
}

const store_node* store_tree::find(const std::string& path) {
    return peek(path);
}

const store_node* store_tree::peek(const std::string& path) const {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : &found->second;
}

void store_tree::put(const std::string& path, store_node node) {
    erase(path);
    node.generation = next_generation();
    ++owned_[node.owner()];
    nodes_.insert_or_assign(path, std::move(node));
}

void store_tree::erase(const std::string& path) {
    const auto found = nodes_.find(path);
    if (found == nodes_.end())
        return;
    const auto count = owned_.find(found->second.owner());
    if (--count->second == 0)
        owned_.erase(count);
    nodes_.erase(found);
}

std::size_t store_tree::owned_by(domid domain) const {
    const auto found = owned_.find(domain);
    return found == owned_.end() ? 0 : found->second;
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string child_of(const std::string& path, std::string_view name) {
    std::string result = path == "/" ? "" : path;
    return result.append("/").append(name);
}

bool is_within(std::string_view path, std::string_view top) noexcept {
    if (top == "/" || path == top)
        return true;
    return path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/';
}

std::string path_of_domain(domid domain) {
    return "/local/domain/" + std::to_string(domain.value);
}

} // namespace xenring::local
