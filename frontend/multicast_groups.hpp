#pragma once

/// The multicast groups of a netfront, and what its backend knows of them.

#include <xenring/frontend/queue_set.hpp>
#include <xenring/frontend/wait_slot.hpp>
#include <xenring/ring/netif_packet.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::frontend::detail {

/// Keeps the list from one connection to the next, and tells each backend of it, one address after
/// the other. At most max_groups, those included that a backend has not let go of yet.
///
/// Thread safety: everything on the executor.
class multicast_groups : public std::enable_shared_from_this<multicast_groups> {
public:
    using address = ring::netif::mac_address;
    using done_handler = wait_slot::wait_handler;
    using log_function = std::function<void(bool trouble, const std::string&)>;
    static constexpr std::size_t max_groups = 64; ///< as many as Linux's netback takes

    multicast_groups(const boost::asio::any_io_executor& executor, log_function log);

    /// Joins a group, or leaves it: done when the backend has said so, or at once without one. One
    /// at a time: another ends with already_started.
    void change(bool joined, const address& group, done_handler handler);

    /// Connected. `queues`: where the backend is told; nothing if it does not care. Those of a
    /// connection that is known already change nothing.
    void begin(std::shared_ptr<queue_set> queues);
    /// Not connected any more; who waits hears why.
    void end(const error_code& why);

private:
    struct group {
        address mac;
        bool wanted = true;
        bool told = false;    ///< the backend has it in its list
        bool refused = false; ///< by this backend
    };

    error_code note(bool joined, const address& which);
    group* find(const address& which) noexcept;
    void ask_next();
    void answered(std::int16_t status);
    void refused(group& which);

    std::shared_ptr<wait_slot> waiter_;
    log_function log_;
    std::vector<group> groups_;
    std::shared_ptr<queue_set> queues_; ///< of a backend that cares
    std::optional<address> asked_;      ///< about; and, if it was to be added:
    bool adds_ = false;
    address awaited_{}; ///< by waiter_
    bool connected_ = false;
};

} // namespace xenring::frontend::detail
