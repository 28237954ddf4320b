#pragma once

/// A frontend's end of the control ring: offers the pages of a connection as static grants.

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

/// Has the backend map pages for good, as many as it takes. Nobody else here notices what becomes
/// of that: a page that is not mapped there is a grant like others. A backend that was restarted
/// knows nothing of them and says so by an event that nothing here caused; then they are offered
/// again, ten times a second at most. A refusal of any kind is an end in itself.
///
/// Thread safety: everything on the executor; the constructor and release() on any one thread, the
/// latter after stop().
class control_channel : public std::enable_shared_from_this<control_channel> {
public:
    using entries = std::vector<ring::netif::gref_entry>;
    using broken_handler = std::function<void(const std::string& why)>;

    /// Errors: those of hypervisor::share() and port_set.
    control_channel(hypervisor& machine, port_set& ports, domid backend, error_code& ec);

    grant_ref reference() const noexcept { return pages_.references()[0]; }
    port number() const noexcept { return port_.number(); }

    /// The backend is connected, or connected again. `grants`: the pages of each queue. `broken` is
    /// told if the backend lies.
    void start(std::vector<entries> grants, broken_handler broken);
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
    void begin_queue(std::size_t queue);
    void add_more();
    void ask(std::uint16_t type, std::uint32_t second = 0, std::uint32_t third = 0);
    void fail(const std::string& why);

    granted_pages pages_; ///< the ring and the list
    bound_port port_;
    ring::netif::control_front_ring ring_;
    boost::asio::steady_timer timer_;
    broken_handler broken_;
    std::vector<entries> grants_;
    std::size_t queue_ = 0;  ///< that is asked about
    std::size_t wanted_ = 0; ///< of its grants, as many as the backend takes
    std::size_t added_ = 0;  ///< of these; or they are being added
    std::optional<ring::netif::ctrl_request> asked_;
    std::uint16_t next_id_ = 0;
    bool begin_again_ = false;
    bool waits_ = false;
    bool stopped_ = true;
};

} // namespace xenring::frontend::detail
