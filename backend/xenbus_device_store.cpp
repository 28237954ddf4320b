// A device's dealings with the store. What blocks here runs in the background.
#include <xenring/backend/xenbus_device.hpp>

#include <utility>
#include <vector>

namespace xenring::backend {

using ring::backend_event;
using ring::backend_phase;
using ring::xenbus_state;

/// All that stands, as one round of reads found it.
struct xenbus_device::level {
    xenbus_reading own = xenbus_state::unknown;
    xenbus_reading frontend = xenbus_state::unknown;
    bool online = true;
    std::string hotplug;
    bool same_frontend = true;
    error_code trouble; ///< of the store itself: nothing is known
};

xenbus_device::level xenbus_device::read_level() const {
    level seen;
    auto& store = here_.store();
    seen.own = own_.read_state(seen.trouble);
    if (names_.fault.empty())
        seen.frontend = read_xenbus_state(store, names_.frontend, seen.trouble);
    error_code absent;
    seen.online = store.read(own_.path() + "/online", absent) != "0" || absent;
    if (hotplug_script_)
        seen.hotplug = store.read(own_.path() + "/hotplug-status", absent);
    else
        seen.hotplug = "connected";
    if (is_connected() && event_of_frontend(seen.frontend) == backend_event::frontend_ready)
        seen.same_frontend = driver_->still_the_same_frontend();
    return seen;
}

/// Of our directory, which only we and the toolstack write, the whole is watched; of the guest's
/// single keys.
void xenbus_device::begin() {
    if (!names_.fault.empty())
        say(true, names_.fault);
    auto seen = std::make_shared<level>();
    background(
        [this, seen] {
            watch(own_.path());
            if (names_.fault.empty())
                watch(names_.frontend + "/state");
            if (const auto path = driver_->watched(); names_.fault.empty() && !path.empty())
                watch(path);
            *seen = read_level();
        },
        [this, seen] {
            say_refused_watch();
            own_.adopt(seen->own);
            begin_with({seen->own, seen->frontend});
        });
}

bool xenbus_device::is_connected() const noexcept {
    return machine_ && phase() == backend_phase::connected;
}

void xenbus_device::look() {
    auto seen = std::make_shared<level>();
    background(
        [this, seen] {
            *seen = read_level();
            if (is_connected())
                driver_->refresh();
        },
        [this, seen] {
            if (is_connected())
                driver_->refreshed();
            take(*seen);
        });
}

void xenbus_device::take(const level& seen) {
    if (seen.trouble) {
        say(true, "cannot read the store: " + seen.trouble.message());
        if (seen.trouble == errc::store_gone) // without it nothing can be done in order
            stands({backend_event::directory_lost});
        return;
    }
    if (!own_.is_ours(seen.own))
        return stands({backend_event::directory_lost});
    std::vector<event_type> all;
    if (!seen.online || removal_asked_)
        all.push_back(backend_event::removal_asked);
    if (seen.hotplug == "connected")
        all.push_back(backend_event::hotplug_connected);
    else if (seen.hotplug == "error")
        all.push_back(backend_event::hotplug_failed);
    all.push_back(seen.same_frontend ? event_of_frontend(seen.frontend)
                                     : backend_event::frontend_initialising);
    stands(all);
}

void xenbus_device::write_state(xenbus_state state) {
    auto ec = std::make_shared<error_code>();
    background([this, state, ec] { own_.write_state(state, *ec); },
               [this, state, ec] {
                   if (is_lost(*ec))
                       happened_before_all(backend_event::directory_lost);
                   else if (*ec)
                       say(true, "cannot write the state: " + ec->message());
                   else
                       say(false, describe(state));
               });
}

void xenbus_device::publish() {
    auto ec = std::make_shared<error_code>();
    background(
        [this, ec] {
            own_.write(
                [this](store_operations& store, error_code& problem) {
                    driver_->publish(store, own_.path(), problem);
                },
                *ec);
        },
        [this, ec] {
            if (*ec && !is_lost(*ec)) // the next state shows that
                say(true, "cannot write the features: " + ec->message());
        });
}

/// A script's word holds only for the interface that it set up.
void xenbus_device::leave_hotplug() {
    error_code ignored;
    own_.write(
        [this](store_operations& store, error_code& ec) {
            const auto path = own_.path() + "/hotplug-status";
            if (store.exists(path, ec) && !ec)
                store.remove(path, ec);
        },
        ignored);
}

} // namespace xenring::backend
