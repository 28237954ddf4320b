#pragma once

#include <xenring/ring/xenbus_state.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

namespace xenring::ring {

/// A half, the states that it had written as digits, and all else that it asked for.
template <class Half, class Event, class Action>
class teller {
public:
    explicit teller(Half half) : half_(half) { note(half_.first_actions()); }

    /// Takes events; yields the states that they had written.
    std::string hears(std::initializer_list<Event> events) {
        written_.clear();
        asked_.clear();
        fault_ = xenbus_fault::none;
        for (const Event each : events) {
            const auto taken = half_.handle(each);
            note(taken.actions);
            if (taken.fault != xenbus_fault::none)
                fault_ = taken.fault;
        }
        return written_;
    }

    [[nodiscard]] bool asked(Action action) const {
        return std::find(asked_.begin(), asked_.end(), action) != asked_.end();
    }
    [[nodiscard]] auto phase() const { return half_.phase(); }
    [[nodiscard]] xenbus_fault fault() const { return fault_; }

private:
    template <class Actions>
    void note(const Actions& actions) {
        for (const Action each : actions)
            if (const auto state = written_state(each))
                written_ += state_text(*state);
            else
                asked_.push_back(each);
    }

    Half half_;
    std::string written_;
    std::vector<Action> asked_;
    xenbus_fault fault_ = xenbus_fault::none;
};

} // namespace xenring::ring
