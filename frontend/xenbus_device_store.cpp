// A device's dealings with the store. What blocks here runs in the background.
#include <xenring/frontend/xenbus_device.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>

#include <cerrno>
#include <charconv>
#include <utility>

namespace xenring::frontend {

using ring::frontend_event;
using ring::frontend_phase;
using ring::xenbus_state;

/// All that stands, as one round of reads found it.
struct xenbus_device::level {
    std::optional<xenbus_state> own = xenbus_state::unknown;
    std::optional<xenbus_state> backend = xenbus_state::unknown;
    std::string backend_directory;
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
    seen.own = read_state(store, names_.frontend + "/state", seen.trouble);
    error_code absent;
    seen.backend_directory = store.read(names_.frontend + "/backend", absent);
    seen.backend = read_state(store, names_.backend + "/state", seen.trouble);
    return seen;
}

/// Where the backend is, by our directory.
void xenbus_device::read_names(device_names& names, error_code& ec) const {
    names.backend = here_.store().read(names.frontend + "/backend", ec);
    if (ec)
        return;
    const auto text = here_.store().read(names.frontend + "/backend-id", ec);
    if (ec)
        return;
    std::uint16_t number = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc{} || end != text.data() + text.size() || number >= first_reserved_domid)
        ec = errc::device_keys_malformed;
    names.peer = domid{number};
}

void xenbus_device::begin() {
    struct found {
        device_names names;
        error_code ec;
        std::optional<xenbus_state> own = xenbus_state::unknown;
    };
    auto seen = std::make_shared<found>(found{names_, {}, {}});
    background(
        [this, seen] {
            watch_own();
            read_names(seen->names, seen->ec);
            error_code trouble;
            seen->own = read_state(here_.store(), names_.frontend + "/state", trouble);
        },
        [this, seen] {
            if (seen->ec) {
                say(true, "there is no such device: " + seen->ec.message());
                seen->own = xenbus_state::unknown;
                reason_ = seen->ec;
            }
            names_ = seen->names;
            wrote_state_ = seen->own != xenbus_state::initialising;
            machine_.emplace(seen->own);
            actions_.assign(machine_->first_actions().begin(), machine_->first_actions().end());
            if (own_watch_)
                wait(own_watch_);
            set_deadline();
        });
}

void xenbus_device::look() {
    auto seen = std::make_shared<level>();
    background(
        [this, seen] {
            watch_backend();
            *seen = read_level();
        },
        [this, seen] { take(*seen); });
}

void xenbus_device::take(const level& seen) {
    levels_.clear();
    if (seen.trouble) {
        say(true, "cannot read the store: " + seen.trouble.message());
        if (seen.trouble == errc::store_gone) { // without it nothing can be done in order
            reason_ = seen.trouble;
            levels_.push_back(frontend_event::directory_lost);
        }
        return;
    }
    if (seen.own == xenbus_state::unknown) {
        levels_.push_back(frontend_event::directory_lost);
        return;
    }
    const bool foreign = seen.own == xenbus_state::initialising && wrote_state_;
    if (foreign || seen.backend_directory != names_.backend) {
        levels_.push_back(frontend_event::backend_moved);
        return;
    }
    if (close_wanted_)
        levels_.push_back(frontend_event::close_requested);
    if (connection_wanted_)
        levels_.push_back(frontend_event::reconnect_requested);
    levels_.push_back(event_of_backend(seen.backend));
}

/// Writes into our directory as long as it is ours, in one transaction.
void xenbus_device::checked(const std::function<void(store_operations&, error_code&)>& write,
                            bool& foreign, error_code& ec) {
    transact(
        here_.store(),
        [&](store_transaction& inside, error_code& problem) {
            error_code trouble;
            const auto own = read_state(inside, names_.frontend + "/state", trouble);
            foreign =
                own == xenbus_state::unknown || (own == xenbus_state::initialising && wrote_state_);
            problem = trouble;
            if (!foreign && !problem)
                write(inside, problem);
        },
        ec);
}

void xenbus_device::write_state(xenbus_state state) {
    struct outcome {
        bool foreign = false;
        error_code ec;
    };
    auto result = std::make_shared<outcome>();
    background(
        [this, state, result] {
            checked(
                [this, state](store_operations& store, error_code& ec) {
                    store.write(names_.frontend + "/state", ring::state_text(state), ec);
                },
                result->foreign, result->ec);
        },
        [this, state, result] {
            wrote(result->foreign, result->ec, describe(state));
            wrote_state_ = true;
        });
}

/// The directory is somebody else's now, or was made anew: the next look tells which.
void xenbus_device::wrote(bool foreign, const error_code& ec, const char* what) {
    if (foreign)
        look_wanted_ = true;
    else if (ec)
        say(true, std::string{"cannot write "} + what + ": " + ec.message());
    else
        say(false, what);
}

/// Writes 1, and takes the device for what our directory says that it is now.
void xenbus_device::begin_anew() {
    struct outcome {
        device_names names;
        error_code ec;
    };
    auto result = std::make_shared<outcome>(outcome{names_, {}});
    wrote_state_ = false; // 1 is ours again
    background(
        [this, result] {
            read_names(result->names, result->ec);
            bool foreign = false;
            if (!result->ec)
                checked(
                    [this](store_operations& store, error_code& ec) {
                        store.write(names_.frontend + "/state",
                                    ring::state_text(xenbus_state::initialising), ec);
                    },
                    foreign, result->ec);
        },
        [this, result] {
            if (!result->ec)
                names_ = result->names;
            wrote(false, result->ec, describe(xenbus_state::initialising));
        });
}

void xenbus_device::publish() {
    auto ec = std::make_shared<error_code>();
    background(
        [this, ec] {
            driver_->prepare(names_, *ec);
            bool foreign = false;
            if (!*ec)
                checked(
                    [this](store_operations& store, error_code& problem) {
                        driver_->write_keys(store, names_.frontend, problem);
                    },
                    foreign, *ec);
        },
        [this, ec] {
            if (*ec) {
                say(true, "cannot connect: " + driver_->problem() + ": " + ec->message());
                reason_ = *ec;
            }
            events_.push_back(*ec ? frontend_event::publish_failed
                                  : frontend_event::rings_published);
        });
}

void xenbus_device::watch_own() {
    error_code ec;
    own_watch_ = std::make_shared<store_watch>(here_.store().watch(names_.frontend, ec));
    if (ec)
        own_watch_.reset();
}

/// The backend's state, wherever the backend is by now.
void xenbus_device::watch_backend() {
    if (watched_backend_ == names_.backend)
        return;
    error_code ec;
    auto made = std::make_shared<store_watch>(here_.store().watch(names_.backend + "/state", ec));
    if (ec)
        return;
    if (backend_watch_)
        backend_watch_->close();
    backend_watch_ = made;
    watched_backend_ = names_.backend;
    wait(std::move(made));
}

void xenbus_device::wait(std::shared_ptr<store_watch> which) {
    auto& waiting = *which;
    waiting.async_wait(boost::asio::bind_executor(
        here_.get_executor(), [self = shared_from_this(), which = std::move(which)](
                                  const error_code& ec, const std::string&) mutable {
            if (self->finished_ || ec == boost::asio::error::operation_aborted)
                return;
            self->look_wanted_ = true;
            if (!ec)
                self->wait(std::move(which));
            self->pump();
        }));
}

} // namespace xenring::frontend
