// Several steps in the store as one.
#pragma once

#include <xenring/grant/store.hpp>

#include <chrono>
#include <functional>
#include <span>

namespace xenring {

/// A transaction: what happens in it is seen by others all at once, at commit, or not at all.
/// Move-only; the destructor aborts what was not committed. The store holds 10 at most for a domain
/// by default, so keep them short. Prefer transact().
class store_transaction : public store_operations {
public:
    store_transaction() noexcept = default;
    store_transaction(store_transaction&& other) noexcept;
    store_transaction& operator=(store_transaction&& other) noexcept;
    ~store_transaction();

    /// Makes it true. EAGAIN: somebody changed what was read in it; nothing was done, and the whole
    /// transaction must be run again. The transaction is over, whatever the result.
    void commit(error_code& ec);
    void commit();

    /// Forgets it. The destructor does the same.
    void abort() noexcept;

private:
    friend class store;
    store_transaction(std::shared_ptr<detail::store_client> client, std::uint32_t id) noexcept;
};

/// How transact() tries again: attempt after attempt with a random pause of up to `first_pause`,
/// doubled each time up to `longest_pause` (XSA-206: nobody may be starved, nobody spins).
struct transact_options {
    unsigned attempts = 20;
    std::chrono::microseconds first_pause{500};
    std::chrono::microseconds longest_pause{50'000};
};

/// Runs `body` in a transaction and commits it; from the beginning again when somebody changed what
/// it read, or when no transaction could be had because of the quota. body must do all of its work
/// through the transaction it gets, and may run several times. An error that body sets (EAGAIN
/// apart) or throws aborts the transaction and is the result. Blocks; sleeps between attempts.
/// Errors: errc::transaction_conflict when every attempt lost; the quota's error (ENOSPC, EDQUOT)
/// when every attempt was refused; body's; store_operations'.
using transaction_body = std::function<void(store_transaction&, error_code&)>;
void transact(store& where, const transaction_body& body, error_code& ec,
              const transact_options& options = {});
void transact(store& where, const transaction_body& body, const transact_options& options = {});

/// A node as write_with_permissions() makes it.
struct store_entry {
    std::string path;
    std::string value;
    store_permissions permissions;
};

/// Writes nodes so that all of them become visible at once and with these permissions: nobody can
/// see one before its permissions are set, or some without the others (XSA-115, XSA-353). A node
/// that is already there is removed and made anew, so that a former owner keeps no right in it
/// (XSA-322). Errors: as transact().
void write_with_permissions(store& where, std::span<const store_entry> entries, error_code& ec);
void write_with_permissions(store& where, std::span<const store_entry> entries);

} // namespace xenring
