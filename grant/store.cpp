#include <xenring/grant/impl/directory_listing.hpp>
#include <xenring/grant/impl/store_client.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/store_transaction.hpp>
#include <xenring/grant/store_watch.hpp>

#include <cerrno>
#include <charconv>
#include <utility>

namespace xenring {
namespace {

using store_wire::join;
using store_wire::message_type;

std::string describe(std::string_view operation, std::string_view path) {
    return "store: " + std::string{operation} + " \"" + std::string{path} + '"';
}

} // namespace

namespace detail {

bool check_path(std::string_view path, error_code& ec) noexcept {
    const bool special = path.starts_with('@');
    ec = {};
    if (path.size() > store_wire::absolute_path_max ||
        (!path.starts_with('/') && path.size() > store_wire::relative_path_max))
        ec = errc::path_too_long;
    else if (!(special ? store_wire::valid_watch_path(path) : store_wire::valid_path(path)))
        ec = errno_code(EINVAL);
    return !ec;
}

} // namespace detail

store_operations::store_operations(client_pointer client, std::uint32_t transaction) noexcept
    : client_{std::move(client)}, transaction_{transaction} {}

bool store_operations::is_open() const noexcept {
    return client_ && client_->is_open();
}

// Every call that names a path: checked, sent, answered.
std::string store_operations::ask(message_type type, std::string_view path,
                                  std::string_view argument, error_code& ec) const {
    if (!client_) {
        ec = errc::not_connected;
        return {};
    }
    if (!detail::check_path(path, ec))
        return {};
    return client_->request(type, transaction_, join({path}).append(argument), ec);
}

std::string store_operations::read(std::string_view path, error_code& ec) const {
    return ask(message_type::read, path, {}, ec);
}

std::vector<store_operations::read_result>
store_operations::read_each(std::span<const std::string> paths) const {
    std::vector<read_result> results(paths.size());
    std::vector<detail::store_client::exchange> asked;
    for (std::size_t i = 0; i != paths.size(); ++i)
        if (!client_)
            results[i].ec = errc::not_connected;
        else if (detail::check_path(paths[i], results[i].ec))
            asked.push_back({message_type::read, join({paths[i]})});
    if (client_)
        client_->exchange_all(transaction_, asked);
    auto next = asked.begin();
    for (auto& result : results)
        if (!result.ec) {
            result.ec = next->ec;
            result.value = std::move(next->answer);
            ++next;
        }
    return results;
}

void store_operations::write(std::string_view path, std::string_view value, error_code& ec) {
    ask(message_type::write, path, value, ec);
}

void store_operations::mkdir(std::string_view path, error_code& ec) {
    ask(message_type::mkdir, path, {}, ec);
}

void store_operations::remove(std::string_view path, error_code& ec) {
    ask(message_type::remove, path, {}, ec);
}

std::vector<std::string> store_operations::directory(std::string_view path, error_code& ec) const {
    ec = errc::not_connected;
    if (!client_ || !detail::check_path(path, ec))
        return {};
    detail::directory_listing listing{std::string{path}};
    std::string payload;
    do
        payload = client_->request(listing.next_type(), transaction_, listing.next_payload(), ec);
    while (!listing.take(payload, ec));
    return listing.take_names();
}

bool store_operations::exists(std::string_view path, error_code& ec) const {
    ask(message_type::read, path, {}, ec);
    if (ec != errno_code(ENOENT))
        return !ec;
    ec = {};
    return false;
}

store_permissions store_operations::get_permissions(std::string_view path, error_code& ec) const {
    const std::string payload = ask(message_type::get_permissions, path, {}, ec);
    if (ec)
        return {};
    auto permissions = store_wire::parse_permissions(payload);
    if (!permissions)
        ec = errc::store_protocol;
    return std::move(permissions).value_or(store_permissions{});
}

void store_operations::set_permissions(std::string_view path, const store_permissions& permissions,
                                       error_code& ec) {
    std::string words;
    for (const store_permission& permission : permissions)
        words += join({to_string(permission)});
    ask(message_type::set_permissions, path, words, ec);
}

std::string store_operations::get_domain_path(domid domain, error_code& ec) const {
    ec = errc::not_connected;
    if (!client_)
        return {};
    std::string payload = client_->request(message_type::get_domain_path, transaction_,
                                           join({std::to_string(domain.value)}), ec);
    return payload.substr(0, payload.find('\0'));
}

std::string store_operations::read(std::string_view path) const {
    error_code ec;
    std::string value = read(path, ec);
    throw_if(ec, describe("read", path));
    return value;
}

void store_operations::write(std::string_view path, std::string_view value) {
    error_code ec;
    write(path, value, ec);
    throw_if(ec, describe("write", path));
}

void store_operations::mkdir(std::string_view path) {
    error_code ec;
    mkdir(path, ec);
    throw_if(ec, describe("mkdir", path));
}

void store_operations::remove(std::string_view path) {
    error_code ec;
    remove(path, ec);
    throw_if(ec, describe("remove", path));
}

std::vector<std::string> store_operations::directory(std::string_view path) const {
    error_code ec;
    std::vector<std::string> names = directory(path, ec);
    throw_if(ec, describe("list", path));
    return names;
}

bool store_operations::exists(std::string_view path) const {
    error_code ec;
    const bool result = exists(path, ec);
    throw_if(ec, describe("look for", path));
    return result;
}

store_permissions store_operations::get_permissions(std::string_view path) const {
    error_code ec;
    store_permissions permissions = get_permissions(path, ec);
    throw_if(ec, describe("get permissions of", path));
    return permissions;
}

void store_operations::set_permissions(std::string_view path,
                                       const store_permissions& permissions) {
    error_code ec;
    set_permissions(path, permissions, ec);
    throw_if(ec, describe("set permissions of", path));
}

std::string store_operations::get_domain_path(domid domain) const {
    error_code ec;
    std::string path = get_domain_path(domain, ec);
    throw_if(ec, "store: get the path of domain " + std::to_string(domain.value));
    return path;
}

store::store(executor_type executor, std::unique_ptr<store_pipe> pipe)
    : store_operations{std::make_shared<detail::store_client>(std::move(executor), std::move(pipe)),
                       0} {}

store& store::operator=(store&& other) noexcept {
    if (this != &other) {
        if (client_)
            client_->close();
        store_operations::operator=(std::move(other));
    }
    return *this;
}

store::~store() {
    if (client_)
        client_->close();
}

store::executor_type store::get_executor() const {
    return client_->executor();
}

store_watch store::watch(std::string_view path, error_code& ec) {
    ec = errc::not_connected;
    if (!client_ || !detail::check_path(path, ec))
        return {};
    return store_watch{client_->add_watch(std::string{path}, ec)};
}

store_watch store::watch(std::string_view path) {
    error_code ec;
    store_watch result = watch(path, ec);
    throw_if(ec, describe("watch", path));
    return result;
}

store_transaction store::begin(error_code& ec) {
    ec = errc::not_connected;
    if (!client_)
        return {};
    const std::string payload =
        client_->request(message_type::transaction_start, 0, join({""}), ec);
    if (ec)
        return {};
    std::uint32_t id = 0;
    std::from_chars(payload.data(), payload.data() + payload.size(), id);
    if (id == 0) {
        ec = errc::store_protocol;
        return {};
    }
    return store_transaction{client_, id};
}

store_transaction store::begin() {
    error_code ec;
    store_transaction result = begin(ec);
    throw_if(ec, "store: begin a transaction");
    return result;
}

} // namespace xenring
