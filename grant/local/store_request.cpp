#include <xenring/grant/local/store_request.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

namespace xenring::local {

using store_wire::error_word;
using store_wire::join;
using store_wire::message_type;

void store_request::run() {
    strings_ = store_wire::split(request_.payload);
    reply_ = join({"OK"});
    const int failure = dispatch();
    // As xenstored: what a change means for watchers, the asker too, is told before the answer.
    if (!failure && !transaction_)
        server_.tell(changes_);
    if (failure)
        reply_ = join({error_word(failure)});
    connection_.output.push({failure ? message_type::error : request_.type, request_.request,
                             request_.transaction, std::move(reply_)});
    if (!failure && request_.type == message_type::watch) {
        const store_watch_entry& added = connection_.watches.back();
        connection_.output.push_event(strings_[0], added.token);
    }
}

int store_request::dispatch() {
    const bool in_transaction = request_.transaction != 0 && request_.type != message_type::watch &&
                                request_.type != message_type::unwatch;
    if (in_transaction) {
        const auto found = connection_.transactions.find(request_.transaction);
        if (found == connection_.transactions.end())
            return ENOENT;
        transaction_ = found->second.get();
        if (request_.type != message_type::transaction_end && transaction_too_large())
            return ENOSPC;
    }
    switch (request_.type) {
    case message_type::read:
        return with_node(&store_request::read_value);
    case message_type::directory:
        return with_node(&store_request::list);
    case message_type::directory_part:
        return with_node(&store_request::list_part);
    case message_type::get_permissions:
        return with_node(&store_request::get_permissions);
    case message_type::set_permissions:
        return set_permissions();
    case message_type::write:
        return write();
    case message_type::mkdir:
        return change(&node_operations::mkdir);
    case message_type::remove:
        return change(&node_operations::remove);
    case message_type::watch:
        return watch();
    case message_type::unwatch:
        return unwatch();
    case message_type::reset_watches:
        return reset_watches();
    case message_type::transaction_start:
        return start_transaction();
    case message_type::transaction_end:
        return end_transaction();
    case message_type::get_domain_path:
        return domain_path();
    case message_type::is_domain_introduced:
        return domain_introduced();
    case message_type::control:
    case message_type::introduce:
    case message_type::release:
    case message_type::resume:
    case message_type::set_target:
        return administer();
    default:
        return ENOSYS;
    }
}

bool store_request::has_strings(std::size_t count) const {
    return strings_.size() == count && request_.payload.ends_with('\0');
}

std::string store_request::path() const {
    // The path ends with a NUL also where more follows.
    if (strings_.empty() || request_.payload.size() <= strings_.front().size())
        return {};
    const std::string absolute = connection_.absolute(strings_.front());
    return absolute.starts_with('@') ? std::string{} : absolute;
}

std::optional<domid> store_request::domain_argument() const {
    if (!has_strings(1))
        return std::nullopt;
    const std::string& text = strings_.front();
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return domid{number};
}

store_view& store_request::view() {
    return transaction_ ? static_cast<store_view&>(*transaction_) : server_.tree_;
}

node_operations store_request::operations() {
    return server_.operations(view(), connection_.domain,
                              transaction_ ? transaction_->changes : changes_);
}

bool store_request::transaction_too_large() const {
    return !connection_.privileged() && transaction_->size() >= server_.quotas_.transaction_nodes;
}

int store_request::with_node(int (store_request::*use)(const store_node&)) {
    const std::string where = path();
    if (where.empty())
        return EINVAL;
    const store_node* node = nullptr;
    if (const int failure = operations().find(where, {.read = true}, node))
        return failure;
    return (this->*use)(*node);
}

int store_request::change(int (node_operations::*operation)(const std::string&)) {
    const std::string where = has_strings(1) ? path() : std::string{};
    if (where.empty())
        return EINVAL;
    node_operations allowed = operations();
    return (allowed.*operation)(where);
}

int store_request::write() {
    const std::string where = path();
    if (where.empty())
        return EINVAL;
    return operations().write(where, request_.payload.substr(strings_.front().size() + 1));
}

int store_request::set_permissions() {
    if (strings_.size() < 2 || !request_.payload.ends_with('\0'))
        return EINVAL;
    const auto permissions = store_wire::parse_permissions(
        std::string_view{request_.payload}.substr(strings_.front().size() + 1));
    if (!permissions)
        return EINVAL;
    if (strings_.front().starts_with('@'))
        return set_special_permissions(*permissions);
    const std::string where = path();
    return where.empty() ? EINVAL : operations().set_permissions(where, *permissions);
}

int store_request::set_special_permissions(const store_permissions& permissions) {
    const auto found = server_.special_.find(strings_.front());
    if (found == server_.special_.end())
        return EINVAL;
    if (!rights_of(connection_.domain, found->second).owner)
        return EACCES;
    found->second = permissions;
    return 0;
}

} // namespace xenring::local
