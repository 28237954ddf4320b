#pragma once

/// One device of a frontend: the store's side of ring/xenbus_frontend, on an executor.

#include <xenring/frontend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/xenbus_half.hpp>
#include <xenring/ring/xenbus_frontend.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace xenring::frontend {

/// Whoever owns a device is told on the executor.
struct device_listener {
    /// A line for people; `trouble` if something is wrong.
    std::function<void(bool trouble, const std::string& text)> log;
    /// The device came to this phase. finished: nothing more will be done; drop it.
    std::function<void(ring::frontend_phase)> reached;
};

/// Watches both directories, feeds the state machine and has the driver do
/// what it asks; see xenbus_half for how.
///
/// Thread safety: everything on the executor.
class xenbus_device final : public xenbus_half<ring::xenbus_frontend> {
public:
    xenbus_device(const domain& here, std::string kind, std::uint32_t handle,
                  std::unique_ptr<xenbus_driver> driver, device_listener listener,
                  std::chrono::milliseconds close_limit);
    ~xenbus_device() override;

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

    /// The rings are of no use any more: the backend broke their rules (errc::ring_corrupt), or
    /// something of ours broke. The device is closed, and `reason` is why.
    void report_broken(const error_code& reason, const std::string& why);

    /// The driver has new keys for a connected device, or may have.
    void rewrite_keys();

    ring::frontend_phase phase() const noexcept;

    /// Why the device is not connected, as far as it is known.
    const error_code& reason() const noexcept { return reason_; }

private:
    struct level;
    void run(action_type what) override;
    void look() override;
    void took(event_type what, phase_type before, const step_type& now) override;
    void settled() override;

    bool is_live() const noexcept;
    level read_level() const;
    void read_names(device_names& names, error_code& ec) const;
    void take(const level& seen);
    void write_state(ring::xenbus_state state);
    void begin_anew();
    void wrote(ring::xenbus_state state, const error_code& ec);
    void publish();
    void write_keys(error_code& ec);
    void disconnect();
    void watch_backend();
    void say(bool trouble, const std::string& text) const override;

    device_names names_;
    std::unique_ptr<xenbus_driver> driver_;
    device_listener listener_;
    std::shared_ptr<store_watch> backend_watch_;
    std::string watched_backend_;
    ring::frontend_phase told_ = ring::frontend_phase::waiting;
    error_code reason_;
    error_code broken_; ///< the latest reported reason
    bool connection_wanted_ = false;
    bool close_wanted_ = false;
};

} // namespace xenring::frontend
