// The machinery behind class store: one connection, many requests in flight, many watches.
#pragma once

#include <xenring/grant/store_pipe.hpp>
#include <xenring/grant/store_wire.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace xenring::detail {

class store_client;

using value_handler = boost::asio::any_completion_handler<void(error_code, std::string)>;

/// Whether a path can be sent: errc::path_too_long or EINVAL if not.
bool check_path(std::string_view path, error_code& ec) noexcept;

/// Calls the handler on its associated executor, later.
void complete(const boost::asio::any_io_executor& fallback, value_handler handler, error_code ec,
              std::string value);

/// A handler that is kept until its operation ends; keeps its executor's context running, and the
/// store's, through which it will be completed.
struct waiting_handler {
    value_handler handler;
    boost::asio::any_completion_executor work;
    boost::asio::any_io_executor store_work;
};

/// One watch. All members but path and token are guarded by the client's mutex.
struct watch_state {
    watch_state() = default;
    watch_state(const watch_state&) = delete;
    watch_state& operator=(const watch_state&) = delete;
    ~watch_state();

    std::shared_ptr<store_client> client;
    std::string path;
    std::string token;
    /// Set when the watch or the connection ended; then nothing changes any more.
    error_code ended;
    /// The one event that may be pending: its path, or `path` if several came together.
    std::optional<std::string> event;
    std::optional<waiting_handler> waiter;
    std::uint64_t waits = 0; ///< numbers the waits, so that a late cancellation hits nobody else
    bool waiting_blocked = false;
    std::uint64_t events = 0;
    int wake_descriptor = -1; ///< an eventfd for who waits beside a descriptor, once anybody did
};

/// Whoever waits reads: a blocked caller polls the pipe itself, and while operations are waited for
/// asynchronously the executor's reactor does. Whoever reads hands out to all. So there is no
/// thread, and calls work with no io_context running.
class store_client : public std::enable_shared_from_this<store_client> {
public:
    using message_type = store_wire::message_type;

    store_client(boost::asio::any_io_executor executor, std::unique_ptr<store_pipe> pipe);
    ~store_client();

    const boost::asio::any_io_executor& executor() const noexcept { return executor_; }
    bool is_open() noexcept;

    /// A request and, once it is answered, the answer.
    struct exchange {
        message_type type;
        std::string payload;
        error_code ec = {};
        std::string answer = {};
    };
    /// Sends all of them, waits for all answers. The store takes them in their order.
    void exchange_all(std::uint32_t transaction, std::span<exchange> all);
    /// Sends a request and waits for the answer's payload.
    std::string request(message_type type, std::uint32_t transaction, std::string payload,
                        error_code& ec);
    /// Sends a request whose answer nobody wants.
    void send(message_type type, std::uint32_t transaction, std::string payload) noexcept;
    /// Sends a request; the handler gets the answer. `cancelled_by`: what ends the wait.
    void async_request(message_type type, std::uint32_t transaction, std::string payload,
                       boost::asio::cancellation_type cancelled_by, value_handler handler);

    std::shared_ptr<watch_state> add_watch(std::string path, error_code& ec);
    void remove_watch(watch_state& watch) noexcept;
    std::string wait(watch_state& watch, std::chrono::steady_clock::time_point deadline,
                     error_code& ec);
    void async_wait(const std::shared_ptr<watch_state>& watch, value_handler handler);
    std::uint64_t events(const watch_state& watch);
    /// See store_watch.
    bool wait_beside(watch_state& watch, int descriptor, std::uint64_t seen,
                     std::chrono::steady_clock::time_point deadline, error_code& ec);

    /// Ends everything with operation_aborted.
    void close() noexcept;

private:
    using optional_deadline = std::optional<std::chrono::steady_clock::time_point>;

    /// What a blocked caller waits for; lives on its stack.
    struct answer {
        bool done = false;
        error_code ec;
        std::string payload;
    };
    struct pending_request {
        message_type type;
        answer* blocked = nullptr;
        std::optional<waiting_handler> handler; ///< neither: nobody wants the answer
    };
    struct outgoing {
        std::uint32_t request;
        std::vector<std::byte> bytes;
    };
    struct completion {
        waiting_handler waiter;
        error_code ec;
        std::string value;
    };
    class session;

    // The connection (store_client.cpp). All of these need the mutex.
    pending_request* submit(message_type type, std::uint32_t transaction, std::string payload,
                            error_code& ec, std::uint32_t& id);
    void pump();
    void flush_output();
    bool may_write() const noexcept;
    bool write_message(const outgoing& message);
    void dispatch(store_wire::message&& message);
    std::uint32_t answered_request(const store_wire::message& message) const;
    void finish(pending_request& request, error_code ec, std::string payload);
    void deliver(watch_state& watch, std::string path);
    void end(watch_state& watch, error_code ec);
    void fail(error_code ec);
    bool wait_until(session& lock, const std::function<bool()>& done,
                    const optional_deadline& until);
    void poll(session& lock, int timeout);
    short awaited() const noexcept;
    void wake_blocked() noexcept;

    // Asynchronous operations (store_client_async.cpp).
    waiting_handler keep(value_handler handler) const;
    void ready(waiting_handler&& waiter, error_code ec, std::string value);
    void arm();
    bool open_descriptor();
    void async_poll(boost::asio::posix::stream_descriptor::wait_type what, bool& armed);
    void on_ready(bool& armed);
    void cancel_request(std::uint32_t id);
    void cancel_wait(watch_state& watch, std::uint64_t number);

    const boost::asio::any_io_executor executor_;
    const std::unique_ptr<store_pipe> pipe_;
    const int wake_descriptor_; ///< an eventfd that ends a blocked caller's poll

    std::mutex mutex_;
    std::condition_variable polled_;
    bool polling_ = false;
    error_code failure_;
    store_wire::decoder decoder_;
    std::deque<outgoing> output_;
    std::size_t written_ = 0;    ///< bytes of the first of them that are gone
    std::size_t unanswered_ = 0; ///< requests that are written and not answered yet
    std::unordered_map<std::uint32_t, pending_request> requests_;
    std::unordered_map<std::string, std::shared_ptr<watch_state>> watches_;
    std::uint32_t next_request_ = 1;
    std::uint64_t next_token_ = 1;

    std::optional<boost::asio::posix::stream_descriptor> descriptor_;
    std::size_t async_waits_ = 0; ///< handlers that wait for a reply or an event
    bool read_armed_ = false;
    bool write_armed_ = false;
    std::vector<completion> completions_; ///< run when the mutex is released
};

/// Holds the client's mutex. Before releasing it, sees to it that the reactor watches the pipe if
/// anybody waits for that; after it, hands completions over, so that no handler runs or is
/// destroyed under the lock.
class store_client::session {
public:
    explicit session(store_client& client) : client_{client}, lock_{client.mutex_} {}
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session() { release(); }

    void release();
    void acquire() { lock_.lock(); }
    /// Waits on the condition for `timeout` milliseconds at most; -1 is for ever.
    void wait(std::condition_variable& condition, int timeout);

private:
    store_client& client_;
    std::unique_lock<std::mutex> lock_;
};

} // namespace xenring::detail
