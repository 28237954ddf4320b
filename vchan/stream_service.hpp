// What streams share in one execution context: a thread for blocking calls, and an end.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace xenring::vchan::detail {

class stream_core;

/// One in each context that has streams. When the context goes away, operations that are still
/// under way are destroyed with it, as Asio does with those of its own objects.
class stream_service final : public boost::asio::execution_context::service {
public:
    using key_type = stream_service;
    static inline boost::asio::execution_context::id id;

    explicit stream_service(boost::asio::execution_context& owner)
        : boost::asio::execution_context::service{owner} {}

    /// That of the executor's context.
    static stream_service& of(const boost::asio::any_io_executor& executor);

    void add(const std::shared_ptr<stream_core>& core);
    void remove(const stream_core& core) noexcept;

private:
    friend void run_blocking(const boost::asio::any_io_executor&, std::function<void()>,
                             std::function<void()>);
    void shutdown() override;

    std::mutex mutex_;
    std::unordered_map<const stream_core*, std::weak_ptr<stream_core>> cores_;
    boost::asio::thread_pool pool_{1};
};

/// Runs `job`, which may block on the store or the hypervisor, on a thread of the executor's
/// context that moves no data; then `done` on the executor, which counts as busy until then. When
/// the context is destroyed first, a job that has begun is waited for, and nothing else runs.
void run_blocking(const boost::asio::any_io_executor& executor, std::function<void()> job,
                  std::function<void()> done);

} // namespace xenring::vchan::detail
