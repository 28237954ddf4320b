// A device's dealings with the store. What blocks here runs in the background.
#include <xenring/backend/xenbus_device.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <utility>

namespace xenring::backend {

using ring::backend_event;
using ring::xenbus_state;

/// All that stands, as one round of reads found it.
struct xenbus_device::level {
    std::optional<xenbus_state> own = xenbus_state::unknown;
    std::optional<xenbus_state> frontend = xenbus_state::unknown;
    bool online = true;
    std::string hotplug;
    bool same_frontend = true;
    error_code trouble; ///< of the store itself: nothing is known
};

namespace {

/// A state node; one that is not there is `unknown`.
std::optional<xenbus_state> read_state(const store_operations& store, const std::string& path,
                                       error_code& trouble) {
    error_code ec;
    const auto text = store.read(path, ec);
    if (!ec)
        return ring::parse_xenbus_state(text);
    if (ec != errno_code(ENOENT) && ec != errno_code(EACCES))
        trouble = ec;
    return xenbus_state::unknown;
}

} // namespace

xenbus_device::level xenbus_device::read_level() const {
    level seen;
    auto& store = here_.store();
    seen.own = read_state(store, names_.backend + "/state", seen.trouble);
    seen.frontend = read_state(store, names_.frontend + "/state", seen.trouble);
    error_code absent;
    seen.online = store.read(names_.backend + "/online", absent) != "0" || absent;
    if (options_.hotplug_script)
        seen.hotplug = store.read(names_.backend + "/hotplug-status", absent);
    else
        seen.hotplug = "connected";
    if (machine_ && machine_->phase() == ring::backend_phase::connected &&
        event_of_frontend(seen.frontend) == backend_event::frontend_ready)
        seen.same_frontend = driver_->still_the_same_frontend();
    return seen;
}

void xenbus_device::begin() {
    auto seen = std::make_shared<level>();
    background(
        [this, seen] {
            watch();
            *seen = read_level();
        },
        [this, seen] {
            wrote_state_ = seen->own != xenbus_state::initialising;
            machine_.emplace(seen->own, seen->frontend);
            for (const auto& which : {own_watch_, frontend_watch_})
                if (which)
                    wait(which);
            actions_.assign(machine_->first_actions().begin(), machine_->first_actions().end());
            set_deadline();
        });
}

void xenbus_device::look() {
    auto seen = std::make_shared<level>();
    background([this, seen] { *seen = read_level(); }, [this, seen] { take(*seen); });
}

void xenbus_device::take(const level& seen) {
    levels_.clear();
    if (seen.trouble) {
        say(true, "cannot read the store: " + seen.trouble.message());
        if (seen.trouble == errc::store_gone) // without it nothing can be done in order
            levels_.push_back(backend_event::directory_lost);
        return;
    }
    const bool foreign = seen.own == xenbus_state::initialising && wrote_state_;
    if (seen.own == xenbus_state::unknown || foreign) {
        levels_.push_back(backend_event::directory_lost);
        return;
    }
    if (!seen.online || removal_asked_)
        levels_.push_back(backend_event::removal_asked);
    if (seen.hotplug == "connected")
        levels_.push_back(backend_event::hotplug_connected);
    else if (seen.hotplug == "error")
        levels_.push_back(backend_event::hotplug_failed);
    levels_.push_back(seen.same_frontend ? event_of_frontend(seen.frontend)
                                         : backend_event::frontend_initialising);
}

/// Writes into our directory as long as it is ours, in one transaction.
void xenbus_device::checked(const std::function<void(store_operations&, error_code&)>& write,
                            bool& lost, error_code& ec) {
    transact(
        here_.store(),
        [&](store_transaction& inside, error_code& problem) {
            error_code trouble;
            const auto own = read_state(inside, names_.backend + "/state", trouble);
            lost =
                own == xenbus_state::unknown || (own == xenbus_state::initialising && wrote_state_);
            problem = trouble;
            if (!lost && !problem)
                write(inside, problem);
        },
        ec);
}

void xenbus_device::write_state(xenbus_state state) {
    struct outcome {
        bool lost = false;
        error_code ec;
    };
    auto result = std::make_shared<outcome>();
    background(
        [this, state, result] {
            checked(
                [this, state](store_operations& store, error_code& ec) {
                    store.write(names_.backend + "/state", ring::state_text(state), ec);
                },
                result->lost, result->ec);
        },
        [this, state, result] {
            if (result->lost)
                events_.push_front(backend_event::directory_lost);
            else if (result->ec)
                say(true, "cannot write the state: " + result->ec.message());
            else
                say(false, describe(state));
            wrote_state_ = true;
        });
}

void xenbus_device::publish() {
    auto ec = std::make_shared<error_code>();
    background(
        [this, ec] {
            bool lost = false;
            checked(
                [this](store_operations& store, error_code& problem) {
                    driver_->publish(store, names_.backend, problem);
                },
                lost, *ec);
        },
        [this, ec] {
            if (*ec)
                say(true, "cannot write the features: " + ec->message());
        });
}

/// A script's word holds only for the interface that it set up.
void xenbus_device::leave_hotplug() {
    bool lost = false;
    error_code ignored;
    checked(
        [this](store_operations& store, error_code& ec) {
            const auto path = names_.backend + "/hotplug-status";
            if (store.exists(path, ec) && !ec)
                store.remove(path, ec);
        },
        lost, ignored);
}

/// The whole of our directory, which only we and the toolstack write; of the guest's the state
/// alone.
void xenbus_device::watch() {
    error_code ec;
    own_watch_ = std::make_shared<store_watch>(here_.store().watch(names_.backend, ec));
    if (!ec)
        frontend_watch_ =
            std::make_shared<store_watch>(here_.store().watch(names_.frontend + "/state", ec));
}

/// The wait does not keep the device alive: the device owns the watch, which holds the wait.
void xenbus_device::wait(std::shared_ptr<store_watch> which) {
    auto& waiting = *which;
    waiting.async_wait([weak = weak_from_this(), which = std::weak_ptr{which}](const error_code& ec,
                                                                               const std::string&) {
        const auto self = weak.lock();
        auto again = which.lock();
        if (!self || !again || self->finished_ || ec == boost::asio::error::operation_aborted)
            return;
        self->look_wanted_ = true;
        if (!ec)
            self->wait(std::move(again));
        self->pump();
    });
}

} // namespace xenring::backend
