#include <xenring/vchan/stream_core.hpp>
#include <xenring/vchan/stream_service.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
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
    pool_.stop();
    pool_.join();
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

void run_blocking(const asio::any_io_executor& executor, std::function<void()> job,
                  std::function<void()> done) {
    asio::any_io_executor busy = asio::prefer(executor, asio::execution::outstanding_work.tracked);
    asio::post(stream_service::of(executor).pool_.get_executor(),
               [busy = std::move(busy), job = std::move(job), done = std::move(done)]() mutable {
                   job();
                   job = nullptr;
                   asio::post(busy, std::move(done));
               });
}

} // namespace xenring::vchan::detail
