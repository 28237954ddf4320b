#pragma once

/// One device of a backend: the store's side of ring/xenbus_backend, on an executor.

#include <xenring/backend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>
#include <xenring/ring/xenbus_backend.hpp>

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace xenring::backend {

/// Whoever owns a device is told on the executor.
struct device_listener {
    /// A line for people; `trouble` if something is wrong.
    std::function<void(bool trouble, const std::string& text)> log;
    /// Nothing more will be done and nothing is left: drop the device.
    std::function<void()> finished;
};

/// Watches both directories, feeds the state machine and does what it asks: one thing after the
/// other, and what blocks on a thread of its own.
///
/// A watch only says "look again", and all that stands is then read anew; so a guest that writes
/// its state a million times costs one round of reads at a time. Our directory is written only in
/// transactions that see it is still ours.
///
/// Thread safety: everything on the executor.
class xenbus_device : public std::enable_shared_from_this<xenbus_device> {
public:
    struct options {
        /// Whether a hotplug script says in the store when the interface is set up.
        bool hotplug_script = true;
        std::chrono::milliseconds close_limit{ring::xenbus_close_limit};
    };

    xenbus_device(const domain& here, device_names names, std::unique_ptr<xenbus_driver> driver,
                  device_listener listener, const options& chosen);
    ~xenbus_device();

    /// Looks for where the two ends stand, and goes on from there.
    void begin();

    /// Closes in order and finishes; the frontend has close_limit to answer.
    void remove();

    /// The driver's device broke (device_failed), or its frontend did (frontend_misbehaved).
    void report(ring::backend_event what, const std::string& why);

    const device_names& names() const noexcept { return names_; }
    ring::backend_phase phase() const noexcept;

private:
    struct level;
    void pump();
    void enter(const ring::backend_step& step);
    void run(ring::backend_action action);
    void look();
    level read_level() const;
    void take(const level& seen);
    void write_state(ring::xenbus_state state);
    void checked(const std::function<void(store_operations&, error_code&)>& write, bool& lost,
                 error_code& ec);
    void open();
    void publish();
    void connect();
    void disconnect();
    void close();
    void leave_hotplug();
    void watch();
    void wait(std::shared_ptr<store_watch> which);
    void finish();
    void set_deadline();
    void say(bool trouble, const std::string& text) const;
    void background(std::function<void()> job, std::function<void()> done);

    domain here_;
    device_names names_;
    std::unique_ptr<xenbus_driver> driver_;
    device_listener listener_;
    options options_;
    std::optional<ring::xenbus_backend> machine_;
    std::deque<ring::backend_event> events_; ///< things that happened once
    std::deque<ring::backend_event> levels_; ///< what stood at the latest look
    std::deque<ring::backend_action> actions_;
    std::shared_ptr<store_watch> own_watch_, frontend_watch_;
    boost::asio::steady_timer deadline_;
    bool deadline_runs_ = false;
    bool busy_ = false; ///< something runs in the background
    bool look_wanted_ = false;
    bool removal_asked_ = false;
    bool wrote_state_ = false; ///< so that a state of 1 is not ours any more
    bool finished_ = false;
};

} // namespace xenring::backend
