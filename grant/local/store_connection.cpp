#include <xenring/grant/local/store_connection.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace xenring::local {

using store_wire::join;
using store_wire::message_type;

void store_output::push(const store_wire::message& answer) {
    store_wire::encode(answer, queue_.emplace_back().bytes);
    ++answers_;
}

bool store_output::push_event(const std::string& path, const std::string& token) {
    std::string payload = join({path, token});
    if (!events_.insert(payload).second)
        return false;
    item& added = queue_.emplace_back();
    added.event = payload;
    store_wire::encode({message_type::watch_event, 0, 0, std::move(payload)}, added.bytes);
    return true;
}

std::size_t store_output::take(std::span<std::byte> bytes) {
    std::size_t total = 0;
    while (!queue_.empty() && total < bytes.size()) {
        item& first = queue_.front();
        events_.erase(first.event); // the client sees it from now on, so the next one counts again
        const std::size_t count = std::min(bytes.size() - total, first.bytes.size() - taken_);
        std::memcpy(bytes.data() + total, first.bytes.data() + taken_, count);
        total += count;
        taken_ += count;
        if (taken_ < first.bytes.size())
            break;
        answers_ -= first.event.empty() ? 1 : 0;
        queue_.pop_front();
        taken_ = 0;
    }
    return total;
}

std::string store_connection::absolute(const std::string& path) const {
    if (!store_wire::valid_watch_path(path))
        return {};
    if (path.starts_with('/') || path.starts_with('@'))
        return path;
    return child_of(path_of_domain(domain), path);
}

void store_connection::hear_of(const node_change& change) {
    const bool readable =
        std::any_of(change.readable.begin(), change.readable.end(),
                    [this](const auto& entries) { return rights_of(domain, entries).read; });
    if (!readable || ended)
        return;
    bool queued = false;
    for (const store_watch_entry& watch : watches) {
        if (change.exact ? change.path != watch.path : !is_within(change.path, watch.path))
            continue;
        std::string path = change.path;
        if (watch.relative)
            path.erase(0, std::min(path.size(), path_of_domain(domain).size() + 1));
        queued |= output.push_event(path, watch.token);
    }
    if (queued)
        notify();
}

void store_connection::reset() {
    watches.clear();
    transactions.clear();
}

} // namespace xenring::local
