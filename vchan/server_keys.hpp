// The two nodes of the store by which a client finds its server.
#pragma once

#include <xenring/grant/store.hpp>
#include <xenring/grant/types.hpp>

#include <string>

namespace xenring::vchan::detail {

/// What a server announces under BASE: ring-ref and event-channel, each in decimal.
struct server_keys {
    grant_ref control;
    port event_channel;

    friend bool operator==(const server_keys&, const server_keys&) = default;
};

/// The node that holds the control page's grant reference.
std::string ring_ref_node(const std::string& base);

/// Writes both in one transaction, readable by `client` only, whatever was there before.
/// Errors: errc::store_refused, errc::store_quota; those of transact().
void publish_keys(store& where, const std::string& base, domid server, domid client,
                  const server_keys& keys, error_code& ec);

/// Gives the client once more the right to read both: what it was given before it existed is none,
/// though the store lists it (XSA-322). Errors: the store's.
void renew_rights(store& where, const std::string& base, domid server, domid client,
                  error_code& ec);

/// Removes both, and the directory if nothing else is in it, provided that they still hold `keys`:
/// another server may have taken the path over. Errors: those of transact().
void remove_keys(store& where, const std::string& base, const server_keys& keys, error_code& ec);

/// Reads both. Two separate reads may see two servers' keys, one each: read again after binding.
/// Errors: errc::server_keys_missing if one is absent, unreadable or 0 (half written);
/// errc::server_keys_malformed if one is not a 32-bit decimal number; the store's.
server_keys read_keys(store& where, const std::string& base, error_code& ec);

} // namespace xenring::vchan::detail
