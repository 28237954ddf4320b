#pragma once

/// A frontend's end of the control ring: steering by hash, and static grants.

#include <xenring/frontend/grant_offer.hpp>
#include <xenring/frontend/hash_setup.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/ring/netif_control.hpp>

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xenring::frontend::detail {

/// Sends one message at a time: how frames are to be steered first, then what is offered. A backend
/// that was restarted knows nothing of either and says so by an event that nothing here caused;
/// then all is said again, ten times a second at most.
///
/// Thread safety: everything on the executor; the constructor and release() on any one thread, the
/// latter after stop().
class control_channel : public std::enable_shared_from_this<control_channel> {
public:
    using entries = grant_offer::entries;
    using broken_handler = std::function<void(const std::string& why)>;
    using steered_handler = std::function<void(const error_code& ec, const std::string& problem)>;

    /// Errors: those of hypervisor::share() and port_set.
    control_channel(hypervisor& machine, port_set& ports, domid backend, error_code& ec);

    grant_ref reference() const noexcept { return pages_.references()[0]; }
    port number() const noexcept { return port_.number(); }

    /// The backend is connected, or connected again. `grants`: the pages of each queue, if they are
    /// to be offered. `broken` is told if the backend lies.
    void start(std::vector<entries> grants, broken_handler broken);
    /// Has frames steered so by a backend that may have been told otherwise, and always again when
    /// it is restarted. `steered` is told what comes of it each time; see hash_setup::result(). May
    /// be called before start().
    void steer(std::optional<hash_steering> how, std::uint32_t queues, steered_handler steered);
    /// Nothing moves any more.
    void stop() noexcept;
    /// Ends the grants of the ring and of the list.
    void release() noexcept { pages_ = {}; }

private:
    void begin();
    void look();
    void rest(event_ticket ticket);
    void wait(event_ticket ticket);
    void take(const ring::netif::ctrl_response& response);
    void ask_next();
    void tell_steered();
    void fail(const std::string& why);

    granted_pages pages_; ///< the ring, and the page that messages name
    bound_port port_;
    ring::netif::control_front_ring ring_;
    boost::asio::steady_timer timer_;
    broken_handler broken_;
    steered_handler steered_;
    unsigned steer_calls_ = 0;
    hash_setup hash_;
    grant_offer offer_;
    std::optional<ring::netif::ctrl_request> asked_;
    control_script* asker_ = nullptr; ///< whose message that is; nobody's if it was dropped
    std::uint16_t next_id_ = 0;
    bool waits_ = false;
    bool stopped_ = true;
};

} // namespace xenring::frontend::detail
