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
    /// From one beginning to the next at least this long.
    explicit errand(std::chrono::milliseconds pause) : pause_{pause} {}

    /// What came of the work that was begun, once, as soon as that is there. Where nothing is under
    /// way begins it, with what `prepare` returns, unless that was done a moment ago.
    template <class Prepare>
    std::optional<Result> pass_by(const boost::asio::any_io_executor& executor, Prepare prepare) {
        if (result_.valid())
            return take();
        const auto now = clock::now();
        if (now >= next_) {
            next_ = now + pause_;
            begin(executor, prepare());
        }
        return std::nullopt;
    }

    /// What is under way is of no use any more.
    void forget() noexcept { result_ = {}; }

    /// The same, and the next may begin at once.
    void reset() noexcept {
        forget();
        next_ = {};
    }

private:
    using clock = std::chrono::steady_clock;

    template <class Work>
    void begin(const boost::asio::any_io_executor& executor, Work work) {
        const auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
        result_ = task->get_future();
        // Nothing is posted afterwards: if nobody runs the executor, that would never go away.
        xenring::detail::run_blocking(
            executor, [task] { (*task)(); }, nullptr);
    }

    std::optional<Result> take() {
        if (result_.wait_for(std::chrono::seconds::zero()) != std::future_status::ready)
            return std::nullopt;
        return result_.get();
    }

    std::chrono::milliseconds pause_;
    std::future<Result> result_;
    clock::time_point next_;
};

} // namespace xenring::vchan::detail
