#include <xenring/backend/netback.hpp>
#include <xenring/backend/vif_taps.hpp>
#include <xenring/grant/blocking.hpp>

namespace xenring::backend {
netback::netback(const domain& here, options chosen)
    : here_{here}, options_{std::move(chosen)}, workshop_{std::make_shared<vif_workshop>(
                                                    here, options_.most_static_grants)},
      finder_{std::make_shared<device_finder>(here, "vif")} {
    makes_taps_ = !options_.open_port;
    if (makes_taps_)
        options_.open_port =
            tap_opener(here, options_.bridge, options_.features.max_queues > 1, options_.tap_queue);
}

netback::~netback() = default;

void netback::start(ended_handler ended) {
    ended_ = std::move(ended);
    if (makes_taps_)
        xenring::detail::run_blocking(
            here_.get_executor(), [here = here_] { remove_left_over_taps(here); }, [] {});
    const auto self = weak_from_this(); // handlers in flight do not keep it alive: its owner does
    finder_->start(
        [self](const std::vector<device_names>& names) {
            if (const auto held = self.lock())
                held->found(names);
        },
        [self](const error_code& ec) {
            if (const auto held = self.lock()) {
                held->reason_ = ec;
                held->stop();
            }
        });
}

void netback::stop() {
    if (std::exchange(stopping_, true))
        return;
    finder_->stop();
    const auto open = vifs_; // a vif may finish at once
    for (const auto& [which, vif] : open)
        vif.device->remove();
    end_if_done();
}

std::vector<netback::report> netback::vifs() const {
    std::vector<report> out;
    for (const auto& [which, vif] : vifs_)
        out.push_back({vif.device->names().label(), vif.device->phase(), vif.driver->statistics(),
                       vif.driver->queue_statistics()});
    return out;
}

void netback::found(const std::vector<device_names>& names) {
    if (const auto ready = std::exchange(options_.ready, nullptr))
        ready();
    for (const auto& each : names)
        if (!stopping_ && !vifs_.contains({each.guest, each.handle}))
            serve(each);
}

void netback::serve(const device_names& names) {
    if (options_.appeared)
        options_.appeared(names.label());
    const key which{names.guest, names.handle};
    const auto self = weak_from_this();
    auto driver = std::make_unique<vif>(
        workshop_, names,
        vif::options{.features = options_.features,
                     .limits = options_.limits,
                     .open_port = options_.open_port,
                     .feature_rules = options_.feature_rules,
                     .capture = options_.capture,
                     .sets_mtu = !options_.bridge.empty(),
                     .complain = [self, label = names.label()](const std::string& text) {
                         if (const auto held = self.lock())
                             held->log(true, label + ": " + text);
                     }});
    auto* const serving = driver.get();
    auto device = std::make_shared<xenbus_device>(
        here_, names, std::move(driver),
        device_listener{.log =
                            [self](bool trouble, const std::string& text) {
                                if (const auto held = self.lock())
                                    held->log(trouble, text);
                            },
                        .finished =
                            [self, which] {
                                if (const auto held = self.lock())
                                    held->finished(which);
                            }},
        xenbus_device::options{.hotplug_script = options_.bridge.empty(),
                               .close_limit = options_.close_limit});
    serving->on_report(
        [weak = std::weak_ptr{device}](ring::backend_event what, const std::string& why) {
            if (const auto held = weak.lock())
                held->report(what, why);
        });
    vifs_.emplace(which, served{device, serving});
    device->begin();
}

void netback::finished(const key& which) {
    const auto found = vifs_.find(which);
    if (found == vifs_.end())
        return;
    const auto names = found->second.device->names();
    log(false, names.label() + ": removed; " + describe(found->second.driver->statistics()));
    vifs_.erase(found);
    // One that was only closed here never took over what an earlier netback left for it.
    xenring::detail::run_blocking(
        here_.get_executor(),
        [names, makes_taps = makes_taps_] {
            if (makes_taps)
                remove_left_over_tap(names);
        },
        [self = weak_from_this()] {
            const auto held = self.lock();
            if (!held)
                return;
            if (!held->stopping_)
                held->finder_->look(); // one of the same name may be there already
            held->end_if_done();
        });
}

void netback::end_if_done() {
    if (stopping_ && vifs_.empty())
        if (const auto ended = std::exchange(ended_, nullptr))
            ended(reason_);
}

void netback::log(bool trouble, const std::string& text) const {
    if (options_.log)
        options_.log(trouble, text);
}

} // namespace xenring::backend
