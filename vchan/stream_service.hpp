// What streams share in one execution context: an end.
#pragma once

#include <xenring/grant/blocking.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

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
        : boost::asio::execution_context::service{owner},
          blocking_{boost::asio::use_service<xenring::detail::blocking_service>(owner)} {}

    /// That of the executor's context.
    static stream_service& of(const boost::asio::any_io_executor& executor);

    void add(const std::shared_ptr<stream_core>& core);
    void remove(const stream_core& core) noexcept;

private:
    void shutdown() override;

    std::mutex mutex_;
    std::unordered_map<const stream_core*, std::weak_ptr<stream_core>> cores_;
    xenring::detail::blocking_service& blocking_;
};

using xenring::detail::run_blocking;

} // namespace xenring::vchan::detail
