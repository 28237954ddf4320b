#pragma once

/// What a step of a xenbus handshake yields: where it goes, what is to be done, what went wrong.

#include <xenring/ring/xenbus_state.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>

namespace xenring::ring {

/// What is to be done, in this order; at most four things. A value.
template <class Action>
class xenbus_actions {
public:
    constexpr xenbus_actions() noexcept = default;
    /// Precondition: at most capacity of them.
    constexpr xenbus_actions(std::initializer_list<Action> actions) noexcept {
        for (const Action each : actions)
            actions_[size_++] = each;
    }

    [[nodiscard]] constexpr const Action* begin() const noexcept { return actions_.data(); }
    [[nodiscard]] constexpr const Action* end() const noexcept { return begin() + size_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }

    friend constexpr bool operator==(const xenbus_actions&, const xenbus_actions&) = default;

    static constexpr std::size_t capacity = 4;

private:
    std::array<Action, capacity> actions_{};
    std::size_t size_ = 0;
};

/// The answer to one event.
template <class Phase, class Action>
struct xenbus_step {
    Phase next;
    xenbus_actions<Action> actions{};
    xenbus_fault fault = xenbus_fault::none; ///< what this event says went wrong; for the log

    friend constexpr bool operator==(const xenbus_step&, const xenbus_step&) = default;
};

} // namespace xenring::ring
