// Work that is done elsewhere for calls that may not wait.
#pragma once

#include <xenring/grant/blocking.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <utility>

namespace xenring::vchan::detail {

/// One piece of work at a time on the thread for what blocks, whether anybody runs the executor or
/// not. Its result is taken when it is there; nobody waits for it. Thread safety: none.
template <class Result>
class errand {
public:
    bool begun() const noexcept { return result_.valid(); }

    /// Precondition: !begun().
    template <class Work>
    void begin(const boost::asio::any_io_executor& executor, Work work) {
        const auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
        result_ = task->get_future();
        // Nothing is posted afterwards: if nobody runs the executor, that would never go away.
        xenring::detail::run_blocking(
            executor, [task] { (*task)(); }, nullptr);
    }

    /// What came of it, once; nothing as long as that is not there.
    std::optional<Result> take() {
        if (!begun() || result_.wait_for(std::chrono::seconds::zero()) != std::future_status::ready)
            return std::nullopt;
        return result_.get();
    }

    void forget() noexcept { result_ = {}; }

private:
    std::future<Result> result_;
};

} // namespace xenring::vchan::detail
