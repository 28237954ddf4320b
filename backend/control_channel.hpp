#pragma once

/// The control ring of a vif at work: a guest's requests about hashes and its static grants.

#include <xenring/backend/frame_exchange.hpp>
#include <xenring/backend/static_grants.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/ring/netif_control.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace xenring::backend {

/// What a control channel runs on.
struct control_resources {
    mapped_pages<access::read_write> ring;
    bound_port port;
    /// One for each of the guest's queues, all with the same limit.
    std::vector<std::shared_ptr<static_grants>> grants;
    std::shared_ptr<frame_exchange> exchange; ///< with as many queues
    /// What all guests may have mapped together.
    std::shared_ptr<mapping_budget> budget = std::make_shared<mapping_budget>();
    /// For people; on the executor, once for each thing.
    std::function<void(const std::string&)> complain{};
};

/// Serves one request after the other until it is stopped or its ring breaks. Pages are mapped and
/// unmapped on the thread for calls that block. However fast a guest asks, it is looked at once in
/// every `pause`, and a request that has a page copied ends the look.
///
/// A list of grants is copied once into private memory and all of it is checked before any is
/// mapped; one that cannot be used as a whole changes nothing.
///
/// Thread safety: everything on the executor, release() also on any one thread after stop().
class control_channel : public std::enable_shared_from_this<control_channel> {
public:
    using broken_handler = std::function<void(const std::string& why)>;

    control_channel(const domain& here, domid guest, control_resources resources,
                    std::chrono::milliseconds pause = std::chrono::milliseconds{1});

    /// Also raises an event: a frontend that connected to a netback before this one can tell by it
    /// that its static grants are known no more.
    void start(broken_handler handler);
    /// Nothing is served any more and the handler is not called after it.
    void stop() noexcept;
    /// Unmaps the ring and what was mapped for a request that was not finished. Precondition:
    /// stopped, and nothing runs on the thread for calls that block.
    void release() noexcept;

private:
    using request = ring::netif::ctrl_request;

    void serve();
    void rest(event_ticket ticket);
    void wait(event_ticket ticket);
    bool handle(const request& what);
    void change_grants(const request& what, const ring::netif::control_step& step);
    void set_key(const request& what, const ring::netif::control_step& step);
    void set_mapping(const request& what, const ring::netif::control_step& step);
    void add(const request& what, static_grants& grants,
             std::vector<ring::netif::gref_entry> entries);
    void remove(const request& what, static_grants& grants,
                std::vector<ring::netif::gref_entry> entries);
    void map_wanted();
    template <access Mode>
    bool map_one(grant_ref reference);
    void complain_of_budget();
    void unmap();
    void in_background(void (control_channel::*job)(), std::function<void()> done);
    void respond(const request& what, std::uint32_t status, std::uint32_t data = 0);
    void respond(const ring::netif::ctrl_response& response);
    template <class T>
    std::optional<std::vector<T>> fetch(std::uint32_t gref, std::uint32_t bytes);
    bool write_back(std::uint32_t gref, std::span<const ring::netif::gref_entry> entries);

    domain here_;
    domid guest_;
    control_resources resources_;
    ring::netif::control_back_ring ring_;
    std::chrono::milliseconds pause_;
    boost::asio::steady_timer timer_;
    broken_handler handler_;
    std::vector<ring::netif::gref_entry> wanted_; ///< the list that a job maps
    std::vector<static_page> pages_;              ///< that a job mapped, or is to unmap
    bool over_budget_ = false;                    ///< a job came to its end
    bool complained_ = false;                     ///< of that
    bool busy_ = false;                           ///< a job runs
    bool stopped_ = true;
};

} // namespace xenring::backend
