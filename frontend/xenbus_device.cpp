#include <xenring/frontend/xenbus_device.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <utility>

namespace xenring::frontend {

namespace asio = boost::asio;
using ring::frontend_action;
using ring::frontend_event;
using ring::frontend_phase;

namespace {

/// What those hear who use the device when an event ends it; `broken` if that was reported.
error_code reason_of(frontend_event event, const error_code& broken) noexcept {
    switch (event) {
    case frontend_event::backend_misbehaved:
        return broken;
    case frontend_event::close_requested:
        return asio::error::operation_aborted;
    default:
        return errc::peer_closed;
    }
}

std::string directory_of(const domain& here, const std::string& kind, std::uint32_t handle) {
    return "/local/domain/" + std::to_string(here.self().value) + "/device/" + kind + '/' +
           std::to_string(handle);
}

bool has_rings(frontend_phase phase) noexcept {
    return phase == frontend_phase::publishing || phase == frontend_phase::connecting ||
           phase == frontend_phase::connected;
}

} // namespace

xenbus_device::xenbus_device(const domain& here, std::string kind, std::uint32_t handle,
                             std::unique_ptr<xenbus_driver> driver, device_listener listener,
                             std::chrono::milliseconds close_limit)
    : xenbus_half{here, directory_of(here, kind, handle), close_limit}, driver_{std::move(driver)},
      listener_{std::move(listener)} {
    names_.frontend = own_.path();
    names_.kind = std::move(kind);
    names_.handle = handle;
}

xenbus_device::~xenbus_device() = default;

frontend_phase xenbus_device::phase() const noexcept {
    return machine_ ? machine_->phase() : frontend_phase::waiting;
}

void xenbus_device::connect() {
    connection_wanted_ = phase() != frontend_phase::connected || !machine_;
    look_again();
    pump();
}

void xenbus_device::close() {
    connection_wanted_ = false;
    close_wanted_ = true;
    look_again();
    pump();
}

void xenbus_device::abandon() noexcept {
    listener_ = {};
    driver_->stop(asio::error::operation_aborted);
    end();
}

void xenbus_device::report_broken(const error_code& reason, const std::string& why) {
    broken_ = reason;
    say(true, why);
    happened(frontend_event::backend_misbehaved);
    pump();
}

void xenbus_device::rewrite_keys() {
    look_again();
    pump();
}

void xenbus_device::took(frontend_event event, frontend_phase before, const step_type& now) {
    const bool had_rings = has_rings(before);
    if (had_rings && !has_rings(now.next)) {
        if (event != frontend_event::publish_failed) // which knows better
            reason_ = reason_of(event, broken_);
        driver_->stop(reason_);
    }
    if (event == frontend_event::directory_lost && !reason_)
        reason_ = errno_code(ENODEV);
    if (now.fault != ring::xenbus_fault::none) {
        say(true, describe(now.fault));
        // Trying again would end the same way, except where only a close was late.
        if (had_rings && now.fault != ring::xenbus_fault::peer_did_not_close)
            connection_wanted_ = false;
    }
}

void xenbus_device::run(frontend_action action) {
    if (action == frontend_action::write_initialising)
        return begin_anew();
    if (const auto state = ring::written_state(action))
        return write_state(*state);
    switch (action) {
    case frontend_action::look:
        return look_again();
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
               [this] { happened(frontend_event::rings_disconnected); });
}

void xenbus_device::settled() {
    if (told_ == phase())
        return;
    told_ = phase();
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

} // namespace xenring::frontend
