#include <xenring/backend/device_finder.hpp>
#include <xenring/backend/vif_keys.hpp>
#include <xenring/grant/blocking.hpp>
#include <xenring/grant/store_wire.hpp>
#include <xenring/ring/xenbus_state.hpp>

#include <boost/asio/error.hpp>

#include <limits>
#include <utility>

namespace xenring::backend {

device_finder::device_finder(const domain& here, std::string kind)
    : here_{here}, kind_{std::move(kind)}, root_{"/local/domain/" +
                                                 std::to_string(here.self().value) + "/backend/" +
                                                 kind_} {}

void device_finder::start(found_handler found, failed_handler failed) {
    found_ = std::move(found);
    failed_ = std::move(failed);
    struct outcome {
        std::shared_ptr<store_watch> watch;
        error_code ec;
    };
    auto made = std::make_shared<outcome>();
    xenring::detail::run_blocking(
        here_.get_executor(),
        [this, self = shared_from_this(), made] {
            made->watch = std::make_shared<store_watch>(here_.store().watch(root_, made->ec));
        },
        [this, self = shared_from_this(), made] {
            if (stopped_) // the watch goes with its outcome
                return;
            if (made->ec)
                return fail(made->ec);
            watch_ = std::move(made->watch);
            wait(); // a new watch has one event at once
        });
}

void device_finder::stop() noexcept {
    stopped_ = true;
    found_ = nullptr; // they keep whoever started this alive
    failed_ = nullptr;
    if (watch_)
        watch_->close();
}

void device_finder::fail(const error_code& ec) {
    if (const auto failed = std::exchange(failed_, nullptr))
        failed(ec);
}

void device_finder::wait() {
    watch_->async_wait([weak = weak_from_this()](const error_code& ec, const std::string& path) {
        const auto self = weak.lock(); // it owns the watch, which holds this
        if (!self || self->stopped_ || ec == boost::asio::error::operation_aborted)
            return;
        if (ec)
            return self->fail(ec);
        // Most events are of a device that writes its own keys. It comes to light by its state.
        if (path == self->root_ || path.ends_with("/state") ||
            path.find('/', self->root_.size() + 1) == std::string::npos)
            self->look();
        self->wait();
    });
}

void device_finder::look() {
    if (busy_) {
        wanted_ = true;
        return;
    }
    busy_ = true;
    auto names = std::make_shared<std::vector<device_names>>();
    xenring::detail::run_blocking(
        here_.get_executor(), [this, self = shared_from_this(), names] { *names = scan(); },
        [this, self = shared_from_this(), names] {
            busy_ = false;
            if (stopped_)
                return;
            const auto found = found_; // it may stop this
            found(std::move(*names));
            if (std::exchange(wanted_, false) && !stopped_)
                look();
        });
}

std::vector<device_names> device_finder::scan() const {
    std::vector<device_names> out;
    error_code absent; // a directory that goes meanwhile has no devices
    for (const auto& guest : here_.store().directory(root_, absent)) {
        const auto domain = parse_number(guest, first_reserved_domid - 1);
        if (!domain)
            continue;
        const auto directory = root_ + '/' + guest;
        for (const auto& handle : here_.store().directory(directory, absent)) {
            device_names names{.kind = kind_,
                               .guest = domid{static_cast<std::uint16_t>(*domain)},
                               .handle = 0,
                               .backend = std::string{directory}.append("/").append(handle),
                               .frontend = {},
                               .fault = {}};
            const auto number = parse_number(handle, std::numeric_limits<std::uint32_t>::max());
            names.handle = number.value_or(0);
            if (number && is_ours(names))
                out.push_back(std::move(names));
        }
    }
    return out;
}

/// Whether there is something to serve, or to close in order. One that is not complete yet comes to
/// light when it is.
bool device_finder::is_ours(device_names& names) const {
    error_code ec;
    const auto read = [&](const char* name) {
        return ec ? std::string{} : here_.store().read(names.backend + '/' + name, ec);
    };
    names.frontend = read("frontend");
    const auto guest = read("frontend-id");
    const auto state = ring::parse_xenbus_state(read("state"));
    if (ec)
        return false;
    if (!names.frontend.starts_with('/') || !store_wire::valid_path(names.frontend))
        names.fault =
            names.backend + "/frontend is no directory of a guest: '" + names.frontend + "'";
    else if (parse_number(guest, first_reserved_domid) != names.guest.value)
        names.fault = names.backend + "/frontend-id is not " + std::to_string(names.guest.value) +
                      ": '" + guest + "'";
    return state != ring::xenbus_state::closed || read("online") != "0";
}

} // namespace xenring::backend
