#include <xenring/frontend/xenbus_device.hpp>
#include <xenring/grant/blocking.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <utility>

namespace xenring::frontend {

namespace asio = boost::asio;
using ring::frontend_action;
using ring::frontend_event;
using ring::frontend_phase;

namespace {

/// What those hear who use the device when an event ends it.
error_code reason_of(frontend_event event) noexcept {
    switch (event) {
    case frontend_event::backend_misbehaved:
        return errc::ring_corrupt;
    case frontend_event::close_requested:
        return asio::error::operation_aborted;
    default:
        return errc::peer_closed;
    }
}

bool has_rings(frontend_phase phase) noexcept {
    return phase == frontend_phase::publishing || phase == frontend_phase::connecting ||
           phase == frontend_phase::connected;
}

} // namespace

xenbus_device::xenbus_device(const domain& here, std::string kind, std::uint32_t handle,
                             std::unique_ptr<xenbus_driver> driver, device_listener listener,
                             std::chrono::milliseconds close_limit)
    : here_{here}, driver_{std::move(driver)}, listener_{std::move(listener)},
      close_limit_{close_limit}, deadline_{here.get_executor()} {
    names_.frontend = "/local/domain/" + std::to_string(here.self().value) + "/device/" + kind +
                      '/' + std::to_string(handle);
    names_.kind = std::move(kind);
    names_.handle = handle;
}

xenbus_device::~xenbus_device() = default;

frontend_phase xenbus_device::phase() const noexcept {
    return machine_ ? machine_->phase() : frontend_phase::waiting;
}

void xenbus_device::connect() {
    connection_wanted_ = phase() != frontend_phase::connected || !machine_;
    look_wanted_ = true;
    pump();
}

void xenbus_device::close() {
    connection_wanted_ = false;
    close_wanted_ = true;
    look_wanted_ = true;
    pump();
}

void xenbus_device::abandon() noexcept {
    listener_ = {};
    finished_ = true;
    driver_->stop(asio::error::operation_aborted);
    deadline_.cancel();
    if (!busy_) // else what runs in the background may be making one
        close_watches();
}

void xenbus_device::close_watches() noexcept {
    for (const auto& each : {own_watch_, backend_watch_})
        if (each)
            each->close();
}

void xenbus_device::report_misbehaviour(const std::string& why) {
    say(true, why);
    events_.push_back(frontend_event::backend_misbehaved);
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
        } else if (told_ != machine_->phase()) {
            reached();
        } else if (!events_.empty()) {
            const auto event = events_.front();
            events_.pop_front();
            handle(event);
        } else if (!levels_.empty()) {
            const auto event = levels_.front();
            levels_.pop_front();
            handle(event);
        } else if (std::exchange(look_wanted_, false)) {
            look();
        } else {
            return;
        }
    }
}

void xenbus_device::handle(frontend_event event) {
    const bool had_rings = has_rings(machine_->phase());
    const auto& step = machine_->handle(event);
    actions_.assign(step.actions.begin(), step.actions.end());
    if (!actions_.empty() && !levels_.empty()) { // they are older than what is done now
        levels_.clear();
        look_wanted_ = true;
    }
    if (had_rings && !has_rings(step.next)) {
        if (event != frontend_event::publish_failed) // which knows better
            reason_ = reason_of(event);
        driver_->stop(reason_);
    }
    if (event == frontend_event::directory_lost && !reason_)
        reason_ = errno_code(ENODEV);
    if (step.fault != ring::xenbus_fault::none) {
        say(true, describe(step.fault));
        // Trying again would end the same way, except where only a close was late.
        if (had_rings && step.fault != ring::xenbus_fault::peer_did_not_close)
            connection_wanted_ = false;
    }
    set_deadline();
}

void xenbus_device::run(frontend_action action) {
    if (action == frontend_action::write_initialising)
        return begin_anew();
    if (const auto state = ring::written_state(action))
        return write_state(*state);
    switch (action) {
    case frontend_action::look:
        look_wanted_ = true;
        break;
    case frontend_action::publish:
        return publish();
    case frontend_action::start:
        return driver_->start();
    case frontend_action::disconnect:
        return disconnect();
    default: // hold: the rings are still there, and a new backend finds in them what we put in
        break;
    }
}

void xenbus_device::disconnect() {
    driver_->stop(reason_ ? reason_ : error_code{errc::peer_closed});
    background([this] { driver_->disconnect(); },
               [this] { events_.push_back(frontend_event::rings_disconnected); });
}

void xenbus_device::set_deadline() {
    const bool wanted = ring::has_deadline(machine_->phase());
    if (wanted == deadline_runs_)
        return;
    deadline_runs_ = wanted;
    deadline_.cancel();
    if (!wanted)
        return;
    deadline_.expires_after(close_limit_);
    deadline_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (ec || !std::exchange(self->deadline_runs_, false))
            return;
        self->events_.push_back(frontend_event::deadline_passed);
        self->pump();
    });
}

void xenbus_device::reached() {
    told_ = machine_->phase();
    if (told_ == frontend_phase::connected) {
        connection_wanted_ = false;
        reason_.clear();
    }
    const auto tell = listener_.reached;
    if (told_ == frontend_phase::finished) {
        connection_wanted_ = false;
        abandon();
    }
    if (tell)
        tell(told_);
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
                                      if (self->finished_)
                                          return self->close_watches();
                                      done();
                                      self->pump();
                                  });
}

} // namespace xenring::frontend
