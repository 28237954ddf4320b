#include <xenring/backend/xenbus_device.hpp>
#include <xenring/grant/blocking.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace xenring::backend {

namespace asio = boost::asio;
using enum ring::backend_phase;
using ring::backend_action;
using ring::backend_event;
using ring::xenbus_state;

xenbus_device::xenbus_device(const domain& here, device_names names,
                             std::unique_ptr<xenbus_driver> driver, device_listener listener,
                             const options& chosen)
    : here_{here}, names_{std::move(names)}, driver_{std::move(driver)},
      listener_{std::move(listener)}, options_{chosen}, deadline_{here.get_executor()} {}

xenbus_device::~xenbus_device() = default;

ring::backend_phase xenbus_device::phase() const noexcept {
    return machine_ ? machine_->phase() : opening;
}

void xenbus_device::remove() {
    removal_asked_ = true;
    look_wanted_ = true;
    pump();
}

void xenbus_device::report(backend_event what, const std::string& why) {
    say(true, why);
    events_.push_back(what);
    pump();
}

/// The next thing to do, unless something is being done: the rest of a step first, then what
/// happened, then what stands, then another look.
void xenbus_device::pump() {
    while (!busy_ && machine_ && !finished_) {
        if (!actions_.empty()) {
            const auto action = actions_.front();
            actions_.pop_front();
            run(action);
        } else if (machine_->phase() == ring::backend_phase::finished) {
            finish();
        } else if (!events_.empty()) {
            const auto event = events_.front();
            events_.pop_front();
            enter(machine_->handle(event));
        } else if (!levels_.empty()) {
            const auto event = levels_.front();
            levels_.pop_front();
            enter(machine_->handle(event));
        } else if (std::exchange(look_wanted_, false)) {
            look();
        } else {
            return;
        }
    }
}

void xenbus_device::enter(const ring::backend_step& step) {
    actions_.assign(step.actions.begin(), step.actions.end());
    if (!actions_.empty() && !levels_.empty()) { // they are older than what is done now
        levels_.clear();
        look_wanted_ = true;
    }
    if (step.fault != ring::xenbus_fault::none)
        say(true, describe(step.fault));
    set_deadline();
}

void xenbus_device::run(backend_action action) {
    if (const auto state = ring::written_state(action))
        return write_state(*state);
    switch (action) {
    case backend_action::look:
        look_wanted_ = true;
        break;
    case backend_action::open_device:
        return open();
    case backend_action::publish:
        return publish();
    case backend_action::connect:
    case backend_action::attach:
        return connect();
    case backend_action::disconnect:
        return disconnect();
    default:
        return close();
    }
}

void xenbus_device::open() {
    auto ec = std::make_shared<error_code>();
    background([this, ec] { driver_->open(*ec); },
               [this, ec] {
                   if (*ec)
                       say(true, "cannot open " + driver_->problem() + ": " + ec->message());
                   events_.push_back(*ec ? backend_event::device_failed
                                         : backend_event::device_opened);
               });
}

void xenbus_device::connect() {
    auto ec = std::make_shared<error_code>();
    background([this, ec] { driver_->connect(*ec); },
               [this, ec] {
                   if (*ec)
                       say(true, "cannot connect: " + driver_->problem() + ": " + ec->message());
                   else
                       driver_->start();
                   events_.push_back(*ec ? backend_event::connect_failed
                                         : backend_event::rings_connected);
               });
}

void xenbus_device::disconnect() {
    driver_->stop();
    background([this] { driver_->disconnect(); },
               [this] { events_.push_back(backend_event::rings_disconnected); });
}

void xenbus_device::close() {
    driver_->stop();
    background(
        [this] {
            driver_->disconnect();
            driver_->close();
            leave_hotplug();
        },
        [this] { events_.push_back(backend_event::device_closed); });
}

void xenbus_device::set_deadline() {
    const bool wanted = ring::has_deadline(machine_->phase());
    if (wanted == deadline_runs_)
        return;
    deadline_runs_ = wanted;
    deadline_.cancel();
    if (!wanted)
        return;
    deadline_.expires_after(options_.close_limit);
    deadline_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (ec || !std::exchange(self->deadline_runs_, false))
            return;
        self->events_.push_back(backend_event::deadline_passed);
        self->pump();
    });
}

void xenbus_device::finish() {
    finished_ = true;
    deadline_.cancel();
    if (own_watch_)
        own_watch_->close();
    if (frontend_watch_)
        frontend_watch_->close();
    if (const auto finished = std::exchange(listener_.finished, nullptr))
        finished();
}

void xenbus_device::say(bool trouble, const std::string& text) const {
    if (listener_.log)
        listener_.log(trouble, names_.label() + ": " + text);
}

/// Runs `job` where it may block, then `done` here, then whatever is next.
void xenbus_device::background(std::function<void()> job, std::function<void()> done) {
    busy_ = true;
    xenring::detail::run_blocking(here_.get_executor(), std::move(job),
                                  [self = shared_from_this(), done = std::move(done)] {
                                      self->busy_ = false;
                                      done();
                                      self->pump();
                                  });
}

} // namespace xenring::backend
