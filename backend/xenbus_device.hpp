#pragma once

/// One device of a backend: the store's side of ring/xenbus_backend, on an executor.

#include <xenring/backend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/xenbus_half.hpp>
#include <xenring/ring/xenbus_backend.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace xenring::backend {

/// Whoever owns a device is told on the executor.
struct device_listener {
    /// A line for people; `trouble` if something is wrong.
    std::function<void(bool trouble, const std::string& text)> log;
    /// Nothing more will be done and nothing is left: drop the device.
    std::function<void()> finished;
};

/// Watches both directories, feeds the state machine and has the driver do what it asks; see
/// xenbus_half for how.
///
/// Thread safety: everything on the executor.
class xenbus_device final : public xenbus_half<ring::xenbus_backend> {
public:
    struct options {
        /// Whether a hotplug script says in the store when the interface is set up.
        bool hotplug_script = true;
        std::chrono::milliseconds close_limit{ring::xenbus_close_limit};
    };

    xenbus_device(const domain& here, device_names names, std::unique_ptr<xenbus_driver> driver,
                  device_listener listener, const options& chosen);
    ~xenbus_device() override;

    /// Looks for where the two ends stand, and goes on from there.
    void begin();

    /// Closes in order and finishes; the frontend has close_limit to answer.
    void remove();

    /// The driver's device broke (device_failed), or its frontend did (frontend_misbehaved).
    void report(event_type what, const std::string& why);

    const device_names& names() const noexcept { return names_; }
    ring::backend_phase phase() const noexcept;

private:
    struct level;
    void run(action_type what) override;
    void look() override;
    void took(event_type what, phase_type before, const step_type& now) override;
    void settled() override;

    bool is_connected() const noexcept;
    level read_level() const;
    void take(const level& seen);
    void write_state(ring::xenbus_state state);
    void open();
    void publish();
    void connect();
    void disconnect();
    void close();
    void leave_hotplug();
    void say(bool trouble, const std::string& text) const override;

    device_names names_;
    std::unique_ptr<xenbus_driver> driver_;
    device_listener listener_;
    bool hotplug_script_;
    bool removal_asked_ = false;
};

} // namespace xenring::backend
