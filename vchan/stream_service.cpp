#include <xenring/vchan/stream_core.hpp>
#include <xenring/vchan/stream_service.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

#include <utility>
#include <vector>

namespace xenring::vchan::detail {

namespace asio = boost::asio;

stream_service& stream_service::of(const asio::any_io_executor& executor) {
    return asio::use_service<stream_service>(asio::query(executor, asio::execution::context));
}

void stream_service::add(const std::shared_ptr<stream_core>& core) {
    std::lock_guard lock{mutex_};
    cores_.emplace(core.get(), core);
}

void stream_service::remove(const stream_core& core) noexcept {
    std::lock_guard lock{mutex_};
    cores_.erase(&core);
}

void stream_service::shutdown() {
    blocking_.stop(); // its jobs use the streams
    std::vector<std::shared_ptr<stream_core>> alive;
    {
        std::lock_guard lock{mutex_};
        for (const auto& [address, core] : cores_)
            if (auto held = core.lock())
                alive.push_back(std::move(held));
    }
    for (const auto& core : alive)
        core->abandon();
}

} // namespace xenring::vchan::detail
