#include <xenring/backend/xenbus_device.hpp>

#include <utility>

namespace xenring::backend {

using ring::backend_action;
using ring::backend_event;
using ring::backend_phase;

xenbus_device::xenbus_device(const domain& here, device_names names,
                             std::unique_ptr<xenbus_driver> driver, device_listener listener,
                             const options& chosen)
    : xenbus_half{here, names.backend, chosen.close_limit}, names_{std::move(names)},
      driver_{std::move(driver)}, listener_{std::move(listener)}, hotplug_script_{
                                                                      chosen.hotplug_script} {}

xenbus_device::~xenbus_device() = default;

backend_phase xenbus_device::phase() const noexcept {
    return machine_ ? machine_->phase() : backend_phase::opening;
}

void xenbus_device::remove() {
    removal_asked_ = true;
    look_again();
    pump();
}

void xenbus_device::report(backend_event what, const std::string& why) {
    say(true, why);
    happened(what);
    pump();
}

void xenbus_device::took(backend_event, backend_phase, const step_type& now) {
    if (now.fault != ring::xenbus_fault::none)
        say(true, describe(now.fault));
}

void xenbus_device::settled() {
    if (phase() != backend_phase::finished)
        return;
    end();
    if (const auto finished = std::exchange(listener_.finished, nullptr))
        finished();
}

void xenbus_device::run(backend_action action) {
    if (const auto state = ring::written_state(action))
        return write_state(*state);
    switch (action) {
    case backend_action::look:
        return look_again();
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
                   happened(*ec ? backend_event::device_failed : backend_event::device_opened);
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
                   happened(*ec ? backend_event::connect_failed : backend_event::rings_connected);
               });
}

void xenbus_device::disconnect() {
    driver_->stop();
    background([this] { driver_->disconnect(); },
               [this] { happened(backend_event::rings_disconnected); });
}

void xenbus_device::close() {
    driver_->stop();
    background(
        [this] {
            driver_->disconnect();
            driver_->close();
            leave_hotplug();
        },
        [this] { happened(backend_event::device_closed); });
}

void xenbus_device::say(bool trouble, const std::string& text) const {
    if (listener_.log)
        listener_.log(trouble, names_.label() + ": " + text);
}

} // namespace xenring::backend
