#pragma once

/// What serves a device once the xenbus handshake allows it: the part that differs by kind.

#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/types.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace xenring::backend {

/// One device as the store names it.
struct device_names {
    std::string kind; ///< "vif"
    domid guest;
    std::uint32_t handle = 0;
    std::string backend;  ///< our directory, absolute
    std::string frontend; ///< the guest's, absolute
    std::string fault;    ///< why it cannot be served, in words; empty: it can

    /// "vif3.0": what people and Xen's scripts call it.
    std::string label() const {
        return kind + std::to_string(guest.value) + '.' + std::to_string(handle);
    }
};

/// Called by xenbus_device, one call at a time. What may block runs on a thread of its own, the
/// rest on the executor.
class xenbus_driver {
public:
    xenbus_driver() = default;
    xenbus_driver(const xenbus_driver&) = delete;
    xenbus_driver& operator=(const xenbus_driver&) = delete;
    virtual ~xenbus_driver() = default;

    /// @name May block
    /// @{

    /// Makes our side. Called again after close(), and while it is open: then there is nothing to
    /// do.
    virtual void open(error_code& ec) = 0;
    /// Writes the feature keys into our directory.
    virtual void publish(store_operations& store, const std::string& directory, error_code& ec) = 0;
    /// Reads the frontend's keys and maps its rings, fresh or running. After an error nothing is
    /// mapped.
    virtual void connect(error_code& ec) = 0;
    /// Whether the frontend's keys are those that connect() saw; true if that cannot be said.
    virtual bool still_the_same_frontend() = 0;
    /// Reads again what may change while the device is connected.
    virtual void refresh() = 0;
    /// Unmaps what connect() mapped; nothing to do if it did not.
    virtual void disconnect() noexcept = 0;
    /// Undoes open().
    virtual void close() noexcept = 0;
    /// What the latest error was about, in words: a key, a file.
    virtual std::string problem() const = 0;
    /// @}

    /// @name On the executor
    /// @{

    /// A path beside our directory and the frontend's state where refresh() finds changes; empty:
    /// there is none.
    virtual std::string watched() const = 0;
    /// Begins to move data; between connect() and stop().
    virtual void start() = 0;
    /// After each refresh().
    virtual void refreshed() = 0;
    /// Nothing moves any more. Also called when nothing was started.
    virtual void stop() noexcept = 0;
    /// @}
};

} // namespace xenring::backend
