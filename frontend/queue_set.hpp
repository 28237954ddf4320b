#pragma once

/// The queues of one connection of a netfront.

#include <xenring/frontend/netfront_queue.hpp>
#include <xenring/frontend/wait_slot.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace xenring::frontend::detail {

/// A frame goes out by the queue in whose pages it was made, and which its flow chose; it comes in
/// by any: they are looked at in turn. When one breaks, all of them are of no use.
///
/// Thread safety: as netfront_queue.
class queue_set {
public:
    using wait_handler = wait_slot::wait_handler;
    using broken_handler = netfront_queue::broken_handler;

    /// As many queues as there are `counts`, each with its own part of the pages in `options`.
    /// Errors: those of netfront_queue; `problem` says of what.
    queue_set(const domain& here, port_set& ports, domid backend, const queue_options& options,
              std::span<netfront_statistics> counts, std::string& problem, error_code& ec);
    queue_set(const queue_set&) = delete;
    queue_set& operator=(const queue_set&) = delete;
    ~queue_set();

    std::size_t size() const noexcept { return queues_.size(); }
    /// As published.
    std::vector<net::vif_queue_keys> keys() const;
    /// The pages of each, for the control ring. Precondition: not released.
    std::vector<std::vector<ring::netif::gref_entry>> granted() const;

    void start(const broken_handler& broken);
    void stop(const error_code& why) noexcept;
    void release() noexcept;

    outgoing_frame prepare(std::size_t size, std::size_t headroom, std::size_t flow);
    void send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec);
    received_frame receive(error_code& ec);

    /// See netfront_queue.
    void change_multicast(std::uint8_t type, const ring::netif::mac_address& address,
                          netfront_queue::multicast_handler answered);

    /// Wait until receive(), or prepare() and send(), are worth another try. One wait of the first
    /// kind at a time, and one of the other for each queue: another ends with already_started.
    void wait_for_frame(wait_handler handler);
    void wait_for_room(std::size_t flow, const tx_path::room& wanted, wait_handler handler);

private:
    domid backend_;
    page_pool pool_;
    std::shared_ptr<wait_slot> frames_;
    std::vector<std::shared_ptr<netfront_queue>> queues_;
    std::size_t turn_ = 0; ///< whose it is to receive
};

} // namespace xenring::frontend::detail
