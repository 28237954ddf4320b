// What Linux's drivers do with a device: drivers/net/xen-netback/xenbus.c,
// drivers/net/xen-netfront.c and drivers/xen/xenbus/xenbus_probe_frontend.c, as far as states go.
#include "xenbus_collector.hpp"

namespace xenring::ring::model {
namespace {

/// One step of netback on its way to `target`; what it writes. While a hotplug script is being
/// waited for, nothing is written.
void netback_goes_on(world& w, int target, xenbus_actions<backend_action>& writes) {
    using enum backend_action;
    const auto go = [&w, &writes](int state, backend_action write) {
        w.netback_state = static_cast<std::uint8_t>(state);
        if (w.netback_waits_for_script == 0)
            writes = joined(writes, write);
    };
    switch (w.netback_state) {
    case 2:
        if (target != 4) {
            go(5, write_closing);
            break;
        }
        require(w.granted == rings::there, "netback is to map rings that are not there");
        w.mapped = rings::there;
        w.mapped_which = w.granted_which;
        w.netback_waits_for_script = w.sees_hotplug = 1;
        go(4, write_connected);
        break;
    case 4:
        w.mapped = rings::none;
        go(5, write_closing);
        break;
    case 5:
        go(6, write_closed);
        break;
    default:
        if (target == 5)
            go(5, write_closing);
        else
            go(2, write_init_wait);
        break;
    }
}

void netback_goes_to(world& w, int target) {
    xenbus_actions<backend_action> writes;
    while (w.netback_state != target)
        netback_goes_on(w, target, writes);
    w.back_todo.set(writes);
}

void frontend_changed(world& w) {
    switch (w.front_state) {
    case 1:
        netback_goes_to(w, 2);
        break;
    case 4:
        netback_goes_to(w, 4);
        break;
    case 5:
        netback_goes_to(w, 5);
        break;
    case 6:
        netback_goes_to(w, 6);
        w.netback_gone = w.online == 0 ? 1 : 0;
        break;
    default:
        break;
    }
}

void backend_changed(world& w) {
    switch (w.back_state) {
    case 2:
        if (w.front_state != 1)
            break;
        w.granted = rings::there;
        w.granted_which = w.published = static_cast<std::uint8_t>(w.published % 3 + 1);
        w.front_todo.set({frontend_action::write_connected});
        break;
    case 4:
        w.flowing = w.front_state == 4 ? 1 : 0;
        break;
    case 5:
    case 6:
        w.flowing = 0;
        if (w.front_state != 6)
            w.front_todo.set({frontend_action::write_closed});
        break;
    default:
        break;
    }
}

/// A wait of netfront or of a kernel that boots: for these states of the backend, then this.
void wait(const world& w, collector& to, int state, int or_state, linux_front next,
          xenbus_state write) {
    if (w.back_state == state || w.back_state == or_state)
        to.quiet("netfront has waited", [next, write](world& n) {
            n.netfront = next;
            write_front(n, write);
        });
}

} // namespace

void moves_of_linux_backend(const world& w, collector& to) {
    if (w.back_todo.size != 0) {
        to.quiet("netback writes", [](world& n) {
            const backend_action action = n.back_todo.take();
            if (const auto state = written_state(action))
                write_back(n, *state);
            else
                n.sees_front = 1;
        });
        return;
    }
    if (w.netback_gone != 0)
        return;
    if (w.sees_front != 0)
        to.quiet("netback sees", [](world& n) {
            n.sees_front = 0;
            frontend_changed(n);
        });
    if (w.netback_waits_for_script != 0 && w.sees_hotplug != 0 && w.hotplug_done != 0)
        to.quiet("netback sees the script", [](world& n) {
            n.sees_hotplug = n.netback_waits_for_script = 0;
            write_back(n, static_cast<xenbus_state>(n.netback_state));
        });
}

void moves_of_linux_frontend(const world& w, collector& to) {
    if (w.front_todo.size != 0) {
        to.quiet("netfront writes", [](world& n) { run(n, n.front_todo.take()); });
        return;
    }
    const bool driver_is_there = w.netfront == linux_front::running ||
                                 w.netfront == linux_front::removing ||
                                 w.netfront == linux_front::removing_closed;
    if (w.sees_back != 0 && driver_is_there)
        to.quiet("netfront sees", [](world& n) {
            n.sees_back = 0;
            backend_changed(n);
        });
    switch (w.netfront) {
    case linux_front::running:
        if (w.sees_requests != 0 && w.close != 0)
            to.quiet("netfront is removed", [](world& n) {
                n.sees_requests = n.flowing = 0;
                n.netfront = linux_front::removing;
                write_front(n, xenbus_state::closing);
            });
        break;
    case linux_front::removing:
        wait(w, to, 5, 6, linux_front::removing_closed, xenbus_state::closed);
        break;
    case linux_front::removing_closed:
        if (w.back_state == 6)
            to.quiet("netfront revokes", [](world& n) {
                require(n.mapped == rings::none, "grants revoked under the backend");
                n.granted = rings::none;
                n.netfront = linux_front::removed;
            });
        break;
    case linux_front::resetting:
        wait(w, to, 5, 5, linux_front::resetting_closed, xenbus_state::closed);
        break;
    case linux_front::resetting_closed:
        wait(w, to, 6, 6, linux_front::resetting_initialising, xenbus_state::initialising);
        break;
    case linux_front::resetting_initialising:
        if (w.back_state == 2)
            to.quiet("the guest has booted", [](world& n) {
                n.netfront = linux_front::running;
                n.sees_back = 1;
            });
        break;
    case linux_front::removed:
        break;
    }
}

/// The module is taken out and put back.
void reload_linux_backend(world& w) {
    xenbus_actions<backend_action> writes;
    w.netback_waits_for_script = w.netback_gone = 0;
    while (w.netback_state != 6)
        netback_goes_on(w, 6, writes);
    netback_goes_on(w, 2, writes);
    w.back_todo.set(joined(writes, backend_action::look));
}

/// A new kernel in the same domain. It resets a device that its predecessor had connected.
void reboot_linux_frontend(world& w) {
    w.front_todo = {};
    w.granted = rings::none;
    w.flowing = 0;
    w.sees_back = 1;
    if (w.netfront != linux_front::running || w.front_state != 4)
        return;
    w.netfront = linux_front::resetting;
    write_front(w, xenbus_state::closing);
}

} // namespace xenring::ring::model
