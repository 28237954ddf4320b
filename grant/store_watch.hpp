// Being told when something in the store may have changed.
#pragma once

#include <xenring/grant/error.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace xenring {

namespace detail {
class store_client;
struct watch_state;
} // namespace detail
class store;

/// How many events a watch has had. Take one with store_watch::seen() BEFORE reading what is
/// watched; a wait with it then ends at once if an event came after.
struct watch_ticket {
    std::uint64_t count = 0;
};

/// A watch on a node of the store and everything under it. Move-only; the destructor ends it.
///
/// An event says that something may have changed since the last one; what, one must read. Events
/// may be spurious. A new watch has one event at once. Events coalesce: at most one is pending, so
/// a peer that writes a million times costs no memory (XSA-349). The event's path is that of the
/// node which changed, or, if several events came together, the path that is watched. For a
/// relative watch paths are relative.
///
/// Thread safety: all members may be called from any thread, but at most one wait at a time: a
/// second one ends with boost::asio::error::already_started.
class store_watch {
public:
    store_watch() noexcept = default;
    store_watch(store_watch&&) noexcept = default;
    store_watch& operator=(store_watch&&) noexcept;
    ~store_watch();

    bool is_open() const noexcept { return state_ != nullptr; }
    /// What is watched, as it was given. Precondition: is_open().
    const std::string& path() const noexcept;

    /// Waits for an event: void(error_code, std::string path). Errors: errc::store_gone;
    /// boost::asio::error::operation_aborted when cancelled (every cancellation type; no event is
    /// lost by that) or when the watch or the store is destroyed; errc::not_connected if
    /// !is_open().
    template <class Token>
    auto async_wait(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::string)>(
            [](auto handler, std::shared_ptr<detail::watch_state> state) {
                start_wait(std::move(state), std::move(handler));
            },
            token, state_);
    }

    /// The same, blocking at most for `duration`: errc::timed_out. Needs no running io_context.
    std::string wait_for(std::chrono::milliseconds duration, error_code& ec);
    std::string wait_for(std::chrono::milliseconds duration);

    /// 0 if !is_open().
    watch_ticket seen() const noexcept;

    /// Blocks, with no timer but the deadline, until `descriptor` polls readable: then true.
    /// False: an event came after `seen`, whoever took it, and ec is clear; or errc::timed_out, for
    /// which time_point::max() is too late; errc::store_gone; errno, when there is no descriptor
    /// left to be woken by; the others of async_wait(). Takes no event from another wait, and may
    /// be under way beside one, but only one of it at a time. Needs no running io_context.
    bool wait_beside(int descriptor, watch_ticket seen,
                     std::chrono::steady_clock::time_point deadline, error_code& ec);

    /// Ends the watch now; a wait ends with operation_aborted. Events that are under way are
    /// dropped. Does nothing if !is_open(). Does not wait for the store's answer.
    void close() noexcept;

private:
    friend class store;
    using wait_handler = boost::asio::any_completion_handler<void(error_code, std::string)>;
    explicit store_watch(std::shared_ptr<detail::watch_state> state) noexcept;
    static void start_wait(std::shared_ptr<detail::watch_state> state, wait_handler handler);

    std::shared_ptr<detail::watch_state> state_;
};

} // namespace xenring
