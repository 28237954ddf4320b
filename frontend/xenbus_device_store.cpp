// A device's dealings with the store. What blocks here runs in the background.
#include <xenring/frontend/xenbus_device.hpp>
#include <xenring/grant/device_keys.hpp>

#include <cerrno>
#include <utility>
#include <vector>

namespace xenring::frontend {

using ring::frontend_event;
using ring::frontend_phase;
using ring::xenbus_state;

/// All that stands, as one round of reads found it.
struct xenbus_device::level {
    xenbus_reading own = xenbus_state::unknown;
    xenbus_reading backend = xenbus_state::unknown;
    std::string backend_directory;
    error_code trouble; ///< of the store itself: nothing is known
};

xenbus_device::level xenbus_device::read_level() const {
    level seen;
    auto& store = here_.store();
    seen.own = own_.read_state(seen.trouble);
    error_code absent;
    seen.backend_directory = store.read(own_.path() + "/backend", absent);
    seen.backend = read_xenbus_state(store, names_.backend, seen.trouble);
    return seen;
}

/// Where the backend is, by our directory.
void xenbus_device::read_names(device_names& names, error_code& ec) const {
    std::string culprit;
    device_key_reader keys{here_.store(), names.frontend, culprit, ec};
    names.backend = keys.text("backend");
    names.peer = domid{static_cast<std::uint16_t>(
        keys.number("backend-id", std::uint32_t{first_reserved_domid} - 1))};
    if (ec == errc::device_keys_missing)
        ec = errno_code(ENOENT);
}

void xenbus_device::begin() {
    struct found {
        device_names names;
        error_code ec;
        xenbus_reading own = xenbus_state::unknown;
    };
    auto seen = std::make_shared<found>(found{names_, {}, {}});
    background(
        [this, seen] {
            error_code trouble;
            watch(own_.path());
            read_names(seen->names, seen->ec);
            seen->own = own_.read_state(trouble);
        },
        [this, seen] {
            say_refused_watch();
            if (seen->ec) {
                say(true, "there is no such device: " + seen->ec.message());
                seen->own = xenbus_state::unknown;
                reason_ = seen->ec;
            }
            names_ = seen->names;
            own_.adopt(seen->own);
            begin_with(ring::xenbus_frontend{seen->own});
        });
}

/// Whether the backend has our keys.
bool xenbus_device::is_live() const noexcept {
    return phase() == frontend_phase::connecting || phase() == frontend_phase::connected;
}

void xenbus_device::look() {
    auto seen = std::make_shared<level>();
    background(
        [this, seen] {
            watch_backend();
            *seen = read_level();
            if (!is_live())
                return;
            driver_->refresh(names_);
            error_code ignored; // of a directory that is not ours any more: the level tells
            if (driver_->has_new_keys())
                write_keys(ignored);
        },
        [this, seen] {
            say_refused_watch();
            if (is_live())
                driver_->refreshed();
            take(*seen);
        });
}

void xenbus_device::take(const level& seen) {
    if (seen.trouble) {
        say(true, "cannot read the store: " + seen.trouble.message());
        if (seen.trouble == errc::store_gone) { // without it nothing can be done in order
            reason_ = seen.trouble;
            stands({frontend_event::directory_lost});
        }
        return;
    }
    if (seen.own == xenbus_state::unknown)
        return stands({frontend_event::directory_lost});
    if (!own_.is_ours(seen.own) || seen.backend_directory != names_.backend)
        return stands({frontend_event::backend_moved});
    std::vector<event_type> all;
    if (close_wanted_)
        all.push_back(frontend_event::close_requested);
    if (connection_wanted_)
        all.push_back(frontend_event::reconnect_requested);
    all.push_back(event_of_backend(seen.backend));
    stands(all);
}

void xenbus_device::write_state(xenbus_state state) {
    auto ec = std::make_shared<error_code>();
    background([this, state, ec] { own_.write_state(state, *ec); },
               [this, state, ec] { wrote(state, *ec); });
}

/// The directory is somebody else's now, or was made anew: the next look tells which.
void xenbus_device::wrote(xenbus_state state, const error_code& ec) {
    if (is_lost(ec))
        look_again();
    else if (ec)
        say(true, std::string{"cannot write "} + describe(state) + ": " + ec.message());
    else
        say(false, describe(state));
}

/// Writes 1, and takes the device for what our directory says that it is now.
void xenbus_device::begin_anew() {
    struct outcome {
        device_names names;
        error_code ec;
    };
    auto result = std::make_shared<outcome>(outcome{names_, {}});
    own_.adopt(xenbus_state::initialising);
    background(
        [this, result] {
            read_names(result->names, result->ec);
            if (!result->ec)
                own_.write_state(xenbus_state::initialising, result->ec);
        },
        [this, result] {
            if (!result->ec)
                names_ = result->names;
            wrote(xenbus_state::initialising, result->ec);
        });
}

void xenbus_device::publish() {
    auto ec = std::make_shared<error_code>();
    background(
        [this, ec] {
            driver_->prepare(names_, *ec);
            if (!*ec)
                write_keys(*ec);
        },
        [this, ec] {
            if (is_lost(*ec)) // the next look tells more than that
                ec->clear();
            if (*ec) {
                say(true, "cannot connect: " + driver_->problem() + ": " + ec->message());
                reason_ = *ec;
            }
            happened(*ec ? frontend_event::publish_failed : frontend_event::rings_published);
        });
}

void xenbus_device::write_keys(error_code& ec) {
    own_.write([this](store_operations& store,
                      error_code& problem) { driver_->write_keys(store, own_.path(), problem); },
               ec);
}

/// The backend's directory, wherever it is by now.
void xenbus_device::watch_backend() {
    if (watched_backend_ == names_.backend)
        return;
    auto made = watch(names_.backend);
    if (!made)
        return;
    unwatch(std::exchange(backend_watch_, std::move(made)));
    watched_backend_ = names_.backend;
}

} // namespace xenring::frontend
