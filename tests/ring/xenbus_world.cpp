#include "xenbus_collector.hpp"

namespace xenring::ring::model {
namespace {

void operations_of_backend(const world& w, collector& to) {
    if (w.device == device::opening) {
        to.back(backend_event::device_opened, "device opened",
                [](world& n) { n.device = device::open; });
        if (w.failures != 0)
            to.back(backend_event::device_failed, "device failed", [](world& n) {
                n.device = device::none;
                --n.failures;
            });
    }
    if (w.device == device::closing)
        to.back(backend_event::device_closed, "device closed", [](world& n) {
            n.device = device::none;
            n.mapped = rings::none;
        });
    if (w.mapped == rings::beginning && w.mapped_which == w.granted_which &&
        w.granted == rings::there)
        to.back(backend_event::rings_connected, "rings connected",
                [](world& n) { n.mapped = rings::there; });
    else if (w.mapped == rings::beginning)
        to.back(backend_event::connect_failed, "no such grants",
                [](world& n) { n.mapped = rings::none; });
    if (w.mapped == rings::ending)
        to.back(backend_event::rings_disconnected, "rings disconnected",
                [](world& n) { n.mapped = rings::none; });
    if (w.mapped == rings::there && w.failures != 0) {
        to.back(backend_event::frontend_misbehaved, "frontend misbehaved",
                [](world& n) { --n.failures; });
        to.back(backend_event::device_failed, "device broke", [](world& n) {
            n.device = device::none;
            --n.failures;
        });
    }
}

void moves_of_backend(const world& w, collector& to) {
    if (w.back_todo.size != 0) {
        to.quiet("backend acts", [](world& n) { run(n, n.back_todo.take()); });
        return;
    }
    if (w.sees_front != 0)
        to.back(event_of_frontend(static_cast<xenbus_state>(w.front_state)), "backend sees",
                [](world& n) { n.sees_front = 0; });
    if (w.sees_hotplug != 0 && w.hotplug_done != 0)
        to.back(backend_event::hotplug_connected, "hotplug seen",
                [](world& n) { n.sees_hotplug = 0; });
    if (w.sees_own != 0 && (w.online == 0 || w.stop_backend != 0))
        to.back(backend_event::removal_asked, "removal seen", [](world& n) { n.sees_own = 0; });
    operations_of_backend(w, to);
}

void operations_of_frontend(const world& w, collector& to) {
    if (w.granted == rings::beginning) {
        to.front(frontend_event::rings_published, "rings published", [](world& n) {
            n.granted = rings::there;
            n.granted_which = n.published = static_cast<std::uint8_t>(n.published % 3 + 1);
        });
        if (w.failures != 0)
            to.front(frontend_event::publish_failed, "publish failed", [](world& n) {
                n.granted = rings::none;
                --n.failures;
            });
    }
    if (w.granted == rings::ending)
        to.front(frontend_event::rings_disconnected, "grants revoked", [](world& n) {
            const bool in_use = n.mapped == rings::there || n.mapped == rings::ending;
            require(n.revoke_may_be_busy != 0 || !in_use || n.mapped_which != n.granted_which,
                    "grants revoked under the backend");
            n.granted = rings::none;
        });
    if (w.flowing != 0 && w.failures != 0)
        to.front(frontend_event::backend_misbehaved, "backend misbehaved",
                 [](world& n) { --n.failures; });
}

void moves_of_frontend(const world& w, collector& to) {
    if (w.front_todo.size != 0) {
        to.quiet("frontend acts", [](world& n) { run(n, n.front_todo.take()); });
        return;
    }
    if (w.sees_back != 0)
        to.front(event_of_backend(static_cast<xenbus_state>(w.back_state)), "frontend sees",
                 [](world& n) { n.sees_back = 0; });
    if (w.sees_requests != 0 && w.close != 0)
        to.front(frontend_event::close_requested, "close seen",
                 [](world& n) { n.sees_requests = 0; });
    else if (w.sees_requests != 0 && w.reconnect != 0)
        to.front(frontend_event::reconnect_requested, "reconnect seen",
                 [](world& n) { n.sees_requests = 0; });
    operations_of_frontend(w, to);
}

void deadlines_of_both(const world& w, collector& to) {
    if (w.deadlines == deadlines::never || (w.deadlines == deadlines::at_rest && !to.empty()))
        return;
    if (w.back_kind == peer::ours && has_deadline(w.back) && w.back_todo.size == 0)
        to.back(backend_event::deadline_passed, "backend's deadline", [](world&) {});
    if (w.front_kind == peer::ours && has_deadline(w.front) && w.front_todo.size == 0)
        to.front(frontend_event::deadline_passed, "frontend's deadline", [](world&) {});
}

void begin_backend(world& w) {
    const backend_step first = backend_begin(static_cast<xenbus_state>(w.back_state),
                                             static_cast<xenbus_state>(w.front_state));
    w.back = first.next;
    w.back_todo.set(first.actions);
    w.device = device::none;
    w.mapped = rings::none;
}

void begin_frontend(world& w) {
    const frontend_step first = frontend_begin(static_cast<xenbus_state>(w.front_state));
    w.front = first.next;
    w.front_todo.set(first.actions);
    w.granted = rings::none;
    w.flowing = 0;
}

void moves_outside(const world& w, collector& to) {
    // netback that is just about to write Connected writes it over the toolstack's Closing, and
    // the unplug waits for its timeout.
    const bool unplug_is_seen =
        w.back_kind == peer::ours || (w.back_state == 4 && w.back_todo.size == 0);
    if (w.unplugs != 0 && unplug_is_seen)
        to.outside("toolstack unplugs", [](world& n) {
            --n.unplugs;
            n.online = 0;
            write_back(n, xenbus_state::closing);
        });
    if (w.stops != 0)
        to.outside("backend shall stop", [](world& n) {
            --n.stops;
            n.stop_backend = n.sees_own = 1;
        });
    if (w.closes != 0)
        to.outside("frontend shall close", [](world& n) {
            --n.closes;
            n.close = n.sees_requests = 1;
        });
    if (w.reconnects != 0)
        to.outside("frontend shall reconnect", [](world& n) {
            --n.reconnects;
            n.reconnect = n.sees_requests = 1;
        });
    if (w.backend_restarts != 0 && w.back != backend_phase::finished)
        to.outside("backend is killed and restarted", [](world& n) {
            --n.backend_restarts;
            if (n.back_kind == peer::ours)
                begin_backend(n);
            else
                reload_linux_backend(n);
        });
    if (w.frontend_restarts != 0 && w.front != frontend_phase::finished)
        to.outside("guest crashes and boots anew in place", [](world& n) {
            --n.frontend_restarts;
            if (n.front_kind == peer::linux_kernel) {
                reboot_linux_frontend(n);
            } else {
                n.reconnect = 1;
                begin_frontend(n);
            }
        });
}

} // namespace

world begin(world w) {
    if (w.back_kind == peer::ours)
        begin_backend(w);
    else
        w.back_todo.set({backend_action::write_init_wait, backend_action::look});
    if (w.front_kind == peer::ours)
        begin_frontend(w);
    return w;
}

std::vector<move> moves(const world& w) {
    collector found{w};
    if (w.back_kind == peer::ours)
        moves_of_backend(w, found);
    else
        moves_of_linux_backend(w, found);
    if (w.front_kind == peer::ours)
        moves_of_frontend(w, found);
    if (w.front_kind == peer::linux_kernel)
        moves_of_linux_frontend(w, found);
    if (w.back_state == 2 && w.hotplug_done == 0)
        found.quiet("hotplug script ends", [](world& n) { n.hotplug_done = n.sees_hotplug = 1; });
    deadlines_of_both(w, found);
    moves_outside(w, found);
    return found.take();
}

} // namespace xenring::ring::model
