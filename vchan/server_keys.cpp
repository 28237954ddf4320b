#include <xenring/grant/store_transaction.hpp>
#include <xenring/vchan/server_keys.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

namespace xenring::vchan::detail {
namespace {

std::string event_channel_node(const std::string& base) {
    return base + "/event-channel";
}

store_permissions readable_by(domid server, domid client) {
    return {{server, store_access::none}, {client, store_access::read}};
}

std::optional<std::uint32_t> parse_decimal(std::string_view text) {
    std::uint32_t number = 0;
    const auto end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, number);
    if (failure != std::errc{} || stop != end)
        return std::nullopt;
    return number;
}

std::uint32_t number_in(const store_operations::read_result& found, error_code& ec) {
    ec = found.ec;
    if (ec == errno_code(ENOENT) || ec == errno_code(EACCES))
        ec = errc::server_keys_missing; // a domain cannot see that there is nothing to see
    if (ec)
        return 0;
    const auto number = parse_decimal(found.value);
    if (!number)
        ec = errc::server_keys_malformed;
    else if (*number == 0)
        ec = errc::server_keys_missing;
    return number.value_or(0);
}

server_keys read_both(const store_operations& where, const std::string& base, error_code& ec) {
    const std::array nodes{ring_ref_node(base), event_channel_node(base)};
    const auto found = where.read_each(nodes);
    server_keys keys;
    keys.control.value = number_in(found[0], ec);
    if (!ec)
        keys.event_channel.value = number_in(found[1], ec);
    return keys;
}

} // namespace

std::string ring_ref_node(const std::string& base) {
    return base + "/ring-ref";
}

void publish_keys(store& where, const std::string& base, domid server, domid client,
                  const server_keys& keys, error_code& ec) {
    const auto readable = readable_by(server, client);
    const std::array<store_entry, 2> entries{{
        {ring_ref_node(base), std::to_string(keys.control.value), readable},
        {event_channel_node(base), std::to_string(keys.event_channel.value), readable},
    }};
    write_with_permissions(where, entries, ec);
    if (ec == errno_code(EACCES) || ec == errno_code(EPERM))
        ec = errc::store_refused;
    else if (ec == errno_code(ENOSPC) || ec == errno_code(EDQUOT))
        ec = errc::store_quota;
}

void renew_rights(store& where, const std::string& base, domid server, domid client,
                  error_code& ec) {
    const auto readable = readable_by(server, client);
    where.set_permissions(event_channel_node(base), readable, ec);
    if (!ec)
        where.set_permissions(ring_ref_node(base), readable, ec);
}

void remove_keys(store& where, const std::string& base, const server_keys& keys, error_code& ec) {
    const auto body = [&](store_transaction& step, error_code& failure) {
        const auto found = read_both(step, base, failure);
        if (failure == errc::server_keys_missing || failure == errc::server_keys_malformed)
            failure.clear();
        if (failure || found != keys)
            return; // not ours (any more)
        step.remove(ring_ref_node(base), failure);
        if (!failure)
            step.remove(event_channel_node(base), failure);
        if (!failure && step.directory(base, failure).empty() && !failure)
            step.remove(base, failure);
    };
    transact(where, body, ec);
}

server_keys read_keys(store& where, const std::string& base, error_code& ec) {
    return read_both(where, base, ec);
}

} // namespace xenring::vchan::detail
