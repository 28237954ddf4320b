#pragma once

/// One device of a frontend: the store's side of ring/xenbus_frontend, on an executor.

#include <xenring/frontend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>
#include <xenring/ring/xenbus_frontend.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace xenring::frontend {

/// Whoever owns a device is told on the executor.
struct device_listener {
    /// A line for people; `trouble` if something is wrong.
    std::function<void(bool trouble, const std::string& text)> log;
    /// The device came to this phase. finished: nothing more will be done; drop it.
    std::function<void(ring::frontend_phase)> reached;
};

/// Watches our directory and the backend's state, feeds the state machine and does what it asks:
/// one thing after the other, and what blocks on a thread of its own.
///
/// A watch only says "look again", and all that stands is then read anew; so a backend that writes
/// its state a million times costs one round of reads at a time. Our directory is written only in
/// transactions that see it is still ours.
///
/// Thread safety: everything on the executor.
class xenbus_device : public std::enable_shared_from_this<xenbus_device> {
public:
    xenbus_device(const domain& here, std::string kind, std::uint32_t handle,
                  std::unique_ptr<xenbus_driver> driver, device_listener listener,
                  std::chrono::milliseconds close_limit);
    ~xenbus_device();

    /// Looks for where the two ends stand, and goes on from there.
    void begin();

    /// Wants the device connected: one that is closed, or was left in the middle, begins anew.
    /// Stands until it is connected or until that turns out to be impossible; see
    /// wants_connection().
    void connect();
    bool wants_connection() const noexcept { return connection_wanted_; }

    /// Wants it no more: closes in order and finishes; the backend has close_limit to answer.
    void close();

    /// Stops at once; says nothing to the backend, tells the listener nothing.
    void abandon() noexcept;

    /// The backend broke the rules of the rings.
    void report_misbehaviour(const std::string& why);

    ring::frontend_phase phase() const noexcept;

    /// Why the device is not connected, as far as it is known.
    const error_code& reason() const noexcept { return reason_; }

private:
    struct level;
    void pump();
    void handle(ring::frontend_event event);
    void run(ring::frontend_action action);
    void look();
    level read_level() const;
    void read_names(device_names& names, error_code& ec) const;
    void take(const level& seen);
    void write_state(ring::xenbus_state state);
    void begin_anew();
    void wrote(bool foreign, const error_code& ec, const char* what);
    void checked(const std::function<void(store_operations&, error_code&)>& write, bool& foreign,
                 error_code& ec);
    void publish();
    void disconnect();
    void watch_own();
    void watch_backend();
    void wait(std::shared_ptr<store_watch> which);
    void close_watches() noexcept;
    void reached();
    void set_deadline();
    void say(bool trouble, const std::string& text) const;
    void background(std::function<void()> job, std::function<void()> done);

    domain here_;
    device_names names_;
    std::unique_ptr<xenbus_driver> driver_;
    device_listener listener_;
    std::chrono::milliseconds close_limit_;
    std::optional<ring::xenbus_frontend> machine_;
    std::deque<ring::frontend_event> events_; ///< things that happened once
    std::deque<ring::frontend_event> levels_; ///< what stood at the latest look
    std::deque<ring::frontend_action> actions_;
    std::shared_ptr<store_watch> own_watch_, backend_watch_;
    std::string watched_backend_;
    boost::asio::steady_timer deadline_;
    ring::frontend_phase told_ = ring::frontend_phase::waiting;
    error_code reason_;
    bool deadline_runs_ = false;
    bool busy_ = false; ///< something runs in the background
    bool look_wanted_ = false;
    bool connection_wanted_ = false;
    bool close_wanted_ = false;
    bool wrote_state_ = false; ///< so that a state of 1 is not ours any more
    bool finished_ = false;
};

} // namespace xenring::frontend
