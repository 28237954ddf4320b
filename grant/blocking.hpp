// A thread for calls that block, so that none of them holds up an executor that moves data.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>

namespace xenring::detail {

/// One thread in each execution context, for calls that may block on the store or the hypervisor.
class blocking_service final : public boost::asio::execution_context::service {
public:
    using key_type = blocking_service;
    static inline boost::asio::execution_context::id id;

    explicit blocking_service(boost::asio::execution_context& owner)
        : boost::asio::execution_context::service{owner} {}

    /// That of the executor's context.
    static blocking_service& of(const boost::asio::any_io_executor& executor);

    /// Waits for the job that runs; nothing runs afterwards. Part of the context's end, and may be
    /// called earlier on the way to it.
    void stop();

private:
    friend void run_blocking(const boost::asio::any_io_executor&, std::function<void()>,
                             std::function<void()>);
    /// Stops, and destroys the jobs that did not run: now, because what they hold may use the
    /// context's other services, which are gone when this one is destroyed.
    void shutdown() override;

    struct pool : boost::asio::thread_pool {
        pool() : thread_pool{1} {}
        using execution_context::shutdown;
    };
    pool pool_;
};

/// Runs `job`, which may block on the store or the hypervisor, on a thread of the executor's
/// context that moves no data; then `done`, which may be empty, on the executor, which counts as
/// busy until then. Jobs run one at a time, in order. When the context is destroyed first, a job
/// that has begun is waited for, and nothing else runs.
void run_blocking(const boost::asio::any_io_executor& executor, std::function<void()> job,
                  std::function<void()> done);

} // namespace xenring::detail
