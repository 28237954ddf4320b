// What the two halves of a device have in common: in which order they do things.
#pragma once

#include <xenring/grant/blocking.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/store_watch.hpp>
#include <xenring/grant/xenbus_directory.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace xenring {

/// Feeds a state machine of ring/ (xenbus_backend or xenbus_frontend) and has done what it asks:
/// one thing after the other, and what blocks on a thread of its own.
///
/// A watch only says "look again", and all that stands is then read anew; so a peer that writes its
/// state a million times costs one round of reads at a time.
///
/// Only what runs in the background keeps a half alive; waits of watches and timers do not.
/// Thread safety: everything on the executor, but for what background() and watch() say.
template <class Machine>
class xenbus_half : public std::enable_shared_from_this<xenbus_half<Machine>> {
public:
    using event_type = typename Machine::event_type;
    using action_type = typename Machine::action_type;
    using phase_type = typename Machine::phase_type;
    using step_type = typename Machine::step_type;

    xenbus_half(const xenbus_half&) = delete;
    xenbus_half& operator=(const xenbus_half&) = delete;
    virtual ~xenbus_half() = default;

protected:
    xenbus_half(const domain& here, std::string directory, std::chrono::milliseconds close_limit)
        : here_{here}, own_{here, std::move(directory)},
          close_limit_{close_limit}, deadline_{here.get_executor()} {}

    /// @name What each half does in its own way
    /// @{

    /// Does this, or begins to in the background.
    virtual void run(action_type what) = 0;
    /// Finds out in the background what stands, and ends with stands().
    virtual void look() = 0;
    /// The machine, which was in phase `before`, took an event; the actions come next.
    virtual void took(event_type what, phase_type before, const step_type& now) = 0;
    /// All actions of a step were done or begun.
    virtual void settled() = 0;
    /// A line for people; `trouble` if something is wrong.
    virtual void say(bool trouble, const std::string& text) const = 0;
    /// @}

    /// Begins where the machine does.
    void begin_with(const Machine& machine) {
        machine_.emplace(machine);
        actions_.assign(machine_->first_actions().begin(), machine_->first_actions().end());
        settled_ = false;
        set_deadline();
    }

    /// Ends it: nothing is done any more, and the watches are closed.
    void end() noexcept {
        ended_ = true;
        deadline_.cancel();
        if (!busy_) // else what runs in the background may be making one
            watches_.clear();
    }

    /// The next thing to do, unless something is being done: the rest of a step first, then what
    /// happened, then what stands, then another look.
    void pump() {
        while (!busy_ && machine_ && !ended_) {
            if (!actions_.empty())
                run(pop(actions_));
            else if (!std::exchange(settled_, true))
                settled();
            else if (!events_.empty())
                handle(pop(events_));
            else if (!levels_.empty())
                handle(pop(levels_));
            else if (std::exchange(look_wanted_, false))
                look();
            else
                return;
        }
    }

    /// @name What is told to the machine; pump() afterwards
    /// @{
    void happened(event_type what) { events_.push_back(what); }
    void happened_before_all(event_type what) { events_.push_front(what); }
    void stands(std::vector<event_type> all) { levels_.assign(all.begin(), all.end()); }
    void look_again() noexcept { look_wanted_ = true; }
    /// @}

    /// Runs `job` where it may block, then `done` here unless the half ended, then what is next.
    void background(std::function<void()> job, std::function<void()> done) {
        busy_ = true;
        detail::run_blocking(here_.get_executor(), std::move(job),
                             [self = this->shared_from_this(), done = std::move(done)] {
                                 self->busy_ = false;
                                 if (self->ended_)
                                     return self->watches_.clear();
                                 done();
                                 self->pump();
                             });
    }

    /// Looks again at every change of `path` or below it, from now on. Blocks: for jobs in the
    /// background. Nothing if the store refuses it: then say_refused_watch() afterwards.
    std::shared_ptr<store_watch> watch(const std::string& path) {
        error_code ec;
        auto made = std::make_shared<store_watch>(here_.store().watch(path, ec));
        if (ec) {
            if (refusal_.empty()) { // the first of several says enough
                refused_ = path;
                refusal_ = "cannot watch " + path + ": " + ec.message();
            }
            return nullptr;
        }
        watches_.push_back(made);
        wait(made);
        return made;
    }
    /// What changes there goes unnoticed. A path is complained of once, however often it is tried.
    void say_refused_watch() {
        const auto text = std::exchange(refusal_, {});
        if (!text.empty() && std::exchange(complained_of_, refused_) != refused_)
            say(true, text);
    }
    void unwatch(const std::shared_ptr<store_watch>& which) noexcept {
        std::erase(watches_, which);
    }

    domain here_;
    xenbus_directory own_;
    std::optional<Machine> machine_; ///< nothing before begin_with()

private:
    template <class T>
    static T pop(std::deque<T>& from) {
        const T next = from.front();
        from.pop_front();
        return next;
    }

    void handle(event_type what) {
        const auto before = machine_->phase();
        const step_type now = machine_->handle(what);
        actions_.assign(now.actions.begin(), now.actions.end());
        if (!actions_.empty() && !levels_.empty()) { // they are older than what is done now
            levels_.clear();
            look_wanted_ = true;
        }
        settled_ = false;
        took(what, before, now);
        set_deadline();
    }

    void set_deadline() {
        const bool wanted = has_deadline(machine_->phase());
        if (wanted == deadline_runs_)
            return;
        deadline_runs_ = wanted;
        deadline_.cancel();
        if (!wanted)
            return;
        deadline_.expires_after(close_limit_);
        deadline_.async_wait([weak = this->weak_from_this()](const error_code& ec) {
            const auto self = weak.lock();
            if (ec || !self || !std::exchange(self->deadline_runs_, false))
                return;
            self->happened(event_type::deadline_passed);
            self->pump();
        });
    }

    /// The handler is held by the watch, which the half owns.
    void wait(const std::shared_ptr<store_watch>& which) {
        auto woken = [weak = this->weak_from_this(),
                      held = std::weak_ptr{which}](const error_code& ec, const std::string&) {
            const auto self = weak.lock();
            const auto again = held.lock();
            if (!self || !again || self->ended_ || ec == boost::asio::error::operation_aborted)
                return;
            self->look_wanted_ = true;
            if (!ec)
                self->wait(again);
            self->pump();
        };
        which->async_wait(boost::asio::bind_executor(here_.get_executor(), std::move(woken)));
    }

    std::chrono::milliseconds close_limit_;
    std::deque<event_type> events_; ///< things that happened once
    std::deque<event_type> levels_; ///< what stood at the latest look
    std::deque<action_type> actions_;
    std::vector<std::shared_ptr<store_watch>> watches_;
    std::string refused_, refusal_; ///< a watch that was refused, and how; of jobs
    std::string complained_of_;
    boost::asio::steady_timer deadline_;
    bool deadline_runs_ = false;
    bool settled_ = true;
    bool busy_ = false; ///< something runs in the background
    bool look_wanted_ = false;
    bool ended_ = false;
};

} // namespace xenring
