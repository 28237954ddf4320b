#pragma once

/// Finds the devices that a toolstack makes for us in the store.

#include <xenring/backend/xenbus_driver.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xenring::backend {

/// Watches backend/KIND in the own part of the store and reports directories of devices, again and
/// again as long as they are there, those that say something wrong of their frontend too; not those
/// that an unplugged device leaves, which wait for the toolstack to remove them.
///
/// Thread safety: everything on the executor.
class device_finder : public std::enable_shared_from_this<device_finder> {
public:
    using found_handler = std::function<void(std::vector<device_names>)>;
    using failed_handler = std::function<void(const error_code&)>;

    device_finder(const domain& here, std::string kind);

    /// `failed`: the store is gone, nothing will be found any more.
    void start(found_handler found, failed_handler failed);
    /// Looks again now.
    void look();
    /// Nothing is called any more.
    void stop() noexcept;

private:
    std::vector<device_names> scan() const;
    bool is_ours(device_names& names) const;
    void wait();
    void fail(const error_code& ec);

    domain here_;
    std::string kind_;
    std::string root_;
    std::shared_ptr<store_watch> watch_;
    found_handler found_;
    failed_handler failed_;
    bool busy_ = false;
    bool wanted_ = false;
    bool stopped_ = false;
};

} // namespace xenring::backend
