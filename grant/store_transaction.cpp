#include <xenring/grant/impl/store_client.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <algorithm>
#include <cerrno>
#include <random>
#include <thread>
#include <utility>

namespace xenring {
namespace {

using store_wire::join;
using store_wire::message_type;

/// Pauses between attempts: random, so that those who collided once do not collide again.
class back_off {
public:
    explicit back_off(const transact_options& options)
        : limit_{options.first_pause}, longest_{options.longest_pause} {}

    void pause() {
        std::uniform_int_distribution<std::chrono::microseconds::rep> any{0, limit_.count()};
        std::this_thread::sleep_for(std::chrono::microseconds{any(random_)});
        limit_ = std::min(limit_ * 2, longest_);
    }

private:
    std::chrono::microseconds limit_;
    std::chrono::microseconds longest_;
    std::minstd_rand random_{std::random_device{}()};
};

bool is_quota(const error_code& ec) noexcept {
    return ec == errno_code(ENOSPC) || ec == errno_code(EDQUOT);
}

enum class attempt_result { over, conflict, refused };

attempt_result attempt(store& where, const transaction_body& body, error_code& ec) {
    store_transaction transaction = where.begin(ec);
    if (ec)
        return is_quota(ec) ? attempt_result::refused : attempt_result::over;
    body(transaction, ec);
    if (!ec)
        transaction.commit(ec);
    return ec == errno_code(EAGAIN) ? attempt_result::conflict : attempt_result::over;
}

} // namespace

store_transaction::store_transaction(std::shared_ptr<detail::store_client> client,
                                     std::uint32_t id) noexcept
    : store_operations{std::move(client), id} {}

store_transaction::store_transaction(store_transaction&& other) noexcept = default;

store_transaction& store_transaction::operator=(store_transaction&& other) noexcept {
    if (this != &other) {
        abort();
        store_operations::operator=(std::move(other));
    }
    return *this;
}

store_transaction::~store_transaction() {
    abort();
}

void store_transaction::commit(error_code& ec) {
    ec = errc::not_connected;
    if (const auto client = std::exchange(client_, nullptr))
        client->request(message_type::transaction_end, transaction_, join({"T"}), ec);
}

void store_transaction::commit() {
    error_code ec;
    commit(ec);
    throw_if(ec, "store: commit a transaction");
}

void store_transaction::abort() noexcept {
    if (const auto client = std::exchange(client_, nullptr))
        client->send(message_type::transaction_end, transaction_, join({"F"}));
}

void transact(store& where, const transaction_body& body, error_code& ec,
              const transact_options& options) {
    back_off pauses{options};
    for (unsigned tried = 1;; ++tried) {
        const attempt_result result = attempt(where, body, ec);
        if (result == attempt_result::over)
            return;
        if (tried >= options.attempts) {
            if (result == attempt_result::conflict)
                ec = errc::transaction_conflict;
            return;
        }
        pauses.pause();
    }
}

void transact(store& where, const transaction_body& body, const transact_options& options) {
    error_code ec;
    transact(where, body, ec, options);
    throw_if(ec, "store: run a transaction");
}

void write_with_permissions(store& where, std::span<const store_entry> entries, error_code& ec) {
    const auto write_all = [entries](store_transaction& transaction, error_code& failure) {
        for (const store_entry& entry : entries) {
            const bool there = transaction.exists(entry.path, failure);
            if (!failure && there)
                transaction.remove(entry.path, failure);
            if (!failure)
                transaction.write(entry.path, entry.value, failure);
            if (!failure)
                transaction.set_permissions(entry.path, entry.permissions, failure);
            if (failure)
                return;
        }
    };
    transact(where, write_all, ec);
}

void write_with_permissions(store& where, std::span<const store_entry> entries) {
    error_code ec;
    write_with_permissions(where, entries, ec);
    throw_if(ec, entries.empty() ? "store: write nodes"
                                 : "store: write \"" + entries.front().path + "\" and others");
}

} // namespace xenring
