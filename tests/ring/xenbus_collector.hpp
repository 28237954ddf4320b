#pragma once

/// How the parts of the world say what can happen.

#include "xenbus_world.hpp"

#include <string>
#include <utility>
#include <vector>

namespace xenring::ring::model {

/// Throws `what` unless it holds.
void require(bool holds, const char* what);

void write_back(world& w, xenbus_state state);
void write_front(world& w, xenbus_state state);

/// Runs one action.
void run(world& w, backend_action action);
void run(world& w, frontend_action action);

/// Actions, and one more.
[[nodiscard]] inline backend_actions joined(const backend_actions& first, backend_action last) {
    const backend_action* const at = first.begin();
    switch (first.size()) {
    case 0:
        return {last};
    case 1:
        return {at[0], last};
    case 2:
        return {at[0], at[1], last};
    default:
        require(first.size() == 3, "too many actions");
        return {at[0], at[1], at[2], last};
    }
}

/// Collects moves; a half gets its event after the world has been changed as the move says.
class collector {
public:
    explicit collector(const world& w) : now_(w) {}

    template <class Change>
    void outside(const char* what, Change change) {
        world next = now_;
        change(next);
        found_.push_back({what, next, true});
    }

    template <class Change>
    void back(backend_event event, const char* what, Change change) {
        world next = now_;
        change(next);
        const backend_step taken = step(next.back, event);
        next.back = taken.next;
        next.back_todo.set(taken.actions);
        found_.push_back({what, next});
    }

    template <class Change>
    void front(frontend_event event, const char* what, Change change) {
        world next = now_;
        change(next);
        const frontend_step taken = step(next.front, event);
        next.front = taken.next;
        next.front_todo.set(taken.actions);
        if (next.front == frontend_phase::connected)
            next.reconnect = 0;
        found_.push_back({what, next});
    }

    /// Nothing but a change.
    template <class Change>
    void quiet(const char* what, Change change) {
        world next = now_;
        change(next);
        found_.push_back({what, next});
    }

    [[nodiscard]] bool empty() const { return found_.empty(); }

    std::vector<move> take() { return std::move(found_); }

private:
    world now_;
    std::vector<move> found_;
};

/// Linux's drivers in the place of our halves.
void moves_of_linux_backend(const world& w, collector& to);
void moves_of_linux_frontend(const world& w, collector& to);
void reload_linux_backend(world& w);
void reboot_linux_frontend(world& w);

} // namespace xenring::ring::model
