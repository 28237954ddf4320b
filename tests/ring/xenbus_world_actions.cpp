// What the callers do when a half asks for it, and what a half must not ask for.
#include "xenbus_collector.hpp"

namespace xenring::ring::model {
namespace {

void check_write(const world& w, backend_action action) {
    if (action == backend_action::write_init_wait)
        require(w.device == device::open, "InitWait without a device");
    if (action == backend_action::write_connected)
        require(w.mapped == rings::there, "Connected without rings");
    if (action == backend_action::write_closing)
        require(w.mapped == rings::none, "Closing with rings mapped");
}

} // namespace

void require(bool holds, const char* what) {
    if (!holds)
        throw std::string{what};
}

void write_back(world& w, xenbus_state state) {
    w.back_state = static_cast<std::uint8_t>(state);
    w.sees_back = w.sees_own = 1;
}

void write_front(world& w, xenbus_state state) {
    w.front_state = static_cast<std::uint8_t>(state);
    w.sees_front = 1;
}

void run(world& w, backend_action action) {
    if (const auto state = written_state(action)) {
        check_write(w, action);
        write_back(w, *state);
        return;
    }
    switch (action) {
    case backend_action::look:
        w.sees_front = w.sees_hotplug = w.sees_own = 1;
        break;
    case backend_action::open_device:
        require(w.device != device::closing, "open while closing");
        w.device = device::opening;
        break;
    case backend_action::publish:
        require(w.device == device::open, "features without a device");
        break;
    case backend_action::connect:
    case backend_action::attach:
        require(w.device == device::open && w.mapped == rings::none, "connect in a wrong state");
        w.mapped = rings::beginning;
        w.mapped_which = w.published;
        break;
    case backend_action::disconnect:
        require(w.mapped == rings::beginning || w.mapped == rings::there, "nothing to disconnect");
        w.mapped = rings::ending;
        break;
    case backend_action::close_device:
        require(w.device != device::closing, "closed twice");
        w.device = device::closing;
        break;
    default:
        break;
    }
}

void run(world& w, frontend_action action) {
    if (const auto state = written_state(action)) {
        if (*state == xenbus_state::connected)
            require(w.granted == rings::there, "Connected without rings");
        if (*state == xenbus_state::initialising)
            require(w.granted == rings::none, "Initialising with rings");
        require(w.flowing == 0, "a state is written while frames flow");
        write_front(w, *state);
        return;
    }
    switch (action) {
    case frontend_action::look:
        w.sees_back = w.sees_requests = 1;
        break;
    case frontend_action::publish:
        require(w.granted == rings::none, "rings granted twice");
        w.granted = rings::beginning;
        break;
    case frontend_action::start:
        require(w.granted == rings::there, "frames without rings");
        w.flowing = 1;
        break;
    case frontend_action::hold:
        w.flowing = 0;
        break;
    case frontend_action::disconnect:
        require(w.granted != rings::ending, "revoked twice");
        w.granted = rings::ending;
        w.flowing = 0;
        break;
    default:
        break;
    }
}

} // namespace xenring::ring::model
