#pragma once

/// What uses a device once the xenbus handshake allows it: the part that differs by kind.

#include <xenring/grant/error.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/types.hpp>

#include <cstdint>
#include <string>

namespace xenring::frontend {

/// One device as the store names it.
struct device_names {
    std::string kind; ///< "vif"
    std::uint32_t handle = 0;
    std::string frontend; ///< our directory, absolute
    std::string backend;  ///< the other one, as ours names it
    domid peer;           ///< whose it is

    /// "vif 0"
    std::string label() const { return kind + ' ' + std::to_string(handle); }
};

/// Called by xenbus_device, one call at a time but for stop(). What may block runs on a thread of
/// its own, the rest on the executor.
class xenbus_driver {
public:
    xenbus_driver() = default;
    xenbus_driver(const xenbus_driver&) = delete;
    xenbus_driver& operator=(const xenbus_driver&) = delete;
    virtual ~xenbus_driver() = default;

    /// @name May block
    /// @{

    /// Reads what the backend offers and grants fresh rings. After an error nothing is granted.
    virtual void prepare(const device_names& names, error_code& ec) = 0;
    /// Writes all keys into our directory; may be called several times for one prepare().
    virtual void write_keys(store_operations& store, const std::string& directory,
                            error_code& ec) = 0;
    /// Reads again what may change in the two directories while the device is connected.
    virtual void refresh(const device_names& names) = 0;
    /// Whether write_keys() has something new for a device that is connected.
    virtual bool has_new_keys() const = 0;
    /// Ends what prepare() granted; nothing to do if it did not.
    virtual void disconnect() noexcept = 0;
    /// What the latest error was about, in words.
    virtual std::string problem() const = 0;
    /// @}

    /// @name On the executor
    /// @{

    /// The backend is connected, or connected again to the rings as they are.
    virtual void start() = 0;
    /// After each refresh().
    virtual void refreshed() = 0;
    /// The rings are of no use any more: everything that waits ends with `why`. Also called when
    /// nothing was started, and twice; and, when the device is abandoned, while a call that may
    /// block is under way: it touches nothing that those do.
    virtual void stop(const error_code& why) noexcept = 0;
    /// @}
};

} // namespace xenring::frontend
