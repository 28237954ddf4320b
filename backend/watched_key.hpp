#pragma once

/// A key of the store that may change while a device is connected.

#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace xenring::backend {

/// Reads the key each time that its watch fires: one read at a time, however often a guest writes
/// it, and each on the thread for calls that block.
///
/// Thread safety: the constructor and the destructor on any thread, the rest on the executor.
class watched_key : public std::enable_shared_from_this<watched_key> {
public:
    /// Nothing if there is no such key.
    using handler = std::function<void(const std::optional<std::string>& value)>;

    /// Begins to watch; may block. Errors: the store's.
    watched_key(const domain& here, std::string path, error_code& ec);

    /// `changed` is called with the value of now, and whenever it may have changed.
    void start(handler changed);
    /// It is not called any more.
    void stop() noexcept;

private:
    void wait();
    void read();

    domain here_;
    std::string path_;
    store_watch watch_;
    handler changed_;
};

} // namespace xenring::backend
