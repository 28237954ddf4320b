#include <xenring/grant/blocking.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>

#include <utility>

namespace xenring::detail {

namespace asio = boost::asio;

blocking_service& blocking_service::of(const asio::any_io_executor& executor) {
    return asio::use_service<blocking_service>(asio::query(executor, asio::execution::context));
}

void blocking_service::stop() {
    pool_.stop();
    pool_.join();
}

void blocking_service::shutdown() {
    stop();
    pool_.shutdown();
}

void run_blocking(const asio::any_io_executor& executor, std::function<void()> job,
                  std::function<void()> done) {
    asio::any_io_executor busy = asio::prefer(executor, asio::execution::outstanding_work.tracked);
    asio::post(blocking_service::of(executor).pool_.get_executor(),
               [busy = std::move(busy), job = std::move(job), done = std::move(done)]() mutable {
                   job();
                   job = nullptr;
                   if (done)
                       asio::post(busy, std::move(done));
               });
}

} // namespace xenring::detail
