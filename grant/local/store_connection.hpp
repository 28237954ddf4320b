// One connection to the stand-in's store: its bytes in and out, its watches, its transactions.
#pragma once

#include <xenring/grant/local/store_transactions.hpp>
#include <xenring/grant/store_wire.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace xenring::local {

/// What is waiting to be taken by the client, in order. An event that still waits is not queued
/// again, so a client that does not read costs no more than its watches have paths.
class store_output {
public:
    /// An answer to a request.
    void push(const store_wire::message& answer);
    /// A watch event. True if it was not waiting already.
    bool push_event(const std::string& path, const std::string& token);
    /// Moves bytes out; returns how many.
    std::size_t take(std::span<std::byte> bytes);

    bool empty() const noexcept { return queue_.empty(); }
    /// Answers that were not taken yet.
    std::size_t answers() const noexcept { return answers_; }

private:
    struct item {
        std::vector<std::byte> bytes;
        std::string event; ///< empty for an answer
    };
    std::deque<item> queue_;
    std::size_t taken_ = 0; ///< bytes of the first item that are gone
    std::size_t answers_ = 0;
    std::set<std::string> events_;
};

/// One watch, registered on a connection.
struct store_watch_entry {
    std::string path; ///< absolute, or special (@...)
    std::string token;
    bool relative = false; ///< it was given, and events are told, relative to the domain's path
};

/// A connection's state. Not thread-safe; store_server's lock guards it.
struct store_connection {
    store_connection(domid who, std::function<void()> has_output)
        : domain{who}, notify{std::move(has_output)} {}

    bool privileged() const noexcept { return domain == domid{0}; }
    /// A path as the client gave it -> absolute; nothing if the store would not take it.
    std::string absolute(const std::string& path) const;
    /// Queues the events that a change means for this connection.
    void hear_of(const node_change& change);
    /// Ends watches and transactions, and after that the connection.
    void reset();

    const domid domain;
    const std::function<void()> notify;
    store_wire::decoder input;
    store_output output;
    std::vector<store_watch_entry> watches;
    std::map<std::uint32_t, std::unique_ptr<transaction_view>> transactions;
    std::uint32_t next_transaction = 1;
    bool ended = false; ///< its domain is gone, or it broke the protocol
};

} // namespace xenring::local
