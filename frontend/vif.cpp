#include <xenring/frontend/vif.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace xenring::frontend::detail {

void vif::prepare(const device_names& names, error_code& ec) {
    problem_.clear();
    backend_ = read_vif_backend(here_.store(), names, problem_, ec);
    if (ec)
        return;
    auto options = options_;
    options.trusted = options.trusted && backend_.trusted;
    options.split_event_channels = options.split_event_channels && backend_.split_event_channels;
    port_set ports{here_.get_executor(), here_.hypervisor(), ec};
    if (ec) {
        problem_ = "event channels";
        return;
    }
    const auto count = std::min(counts_->size(), backend_.max_queues.value_or(1));
    made_ = std::make_shared<queue_set>(here_, ports, names.peer, options,
                                        std::span{*counts_}.first(count), problem_, ec);
    if (ec)
        made_.reset();
    else if ((options.static_grants || steers_) && backend_.control_ring)
        make_control(ports, names.peer);
}

/// The connection works without it as well.
void vif::make_control(port_set& ports, domid backend) {
    error_code ec;
    made_control_ = std::make_shared<control_channel>(here_.hypervisor(), ports, backend, ec);
    if (ec)
        made_control_.reset();
}

void vif::write_keys(store_operations& store, const std::string& directory, error_code& ec) {
    vif_published_keys keys;
    keys.queues = made_->keys();
    if (made_control_) {
        keys.control_ring = made_control_->reference();
        keys.control_port = made_control_->number();
    }
    keys.counts_queues = backend_.max_queues.has_value();
    keys.scatter_gather = scatter_gather_;
    keys.takes = options_.takes;
    told_filters_ = filters_multicast_;
    keys.filters_multicast = told_filters_ && backend_.multicast_control;
    write_vif_keys(store, directory, keys, ec);
}

void vif::refresh(const device_names& names) {
    fresh_ = backend_;
    refresh_vif_backend(here_.store(), names, fresh_);
}

/// A backend that looks only once will be told at the next connection.
bool vif::has_new_keys() const {
    return made_ && backend_.dynamic_multicast_control && filters_multicast_ != told_filters_;
}

void vif::refreshed() {
    const bool same = fresh_.carrier == backend_.carrier && fresh_.mtu == backend_.mtu;
    backend_ = fresh_;
    if (!same && queues_ && on_change)
        on_change();
}

void vif::start() {
    queues_ = made_;
    queues_->start(on_broken);
    control_ = made_control_;
    if (!control_ && steering_)
        on_steered(errc::feature_missing,
                   "the backend has no control ring, so it steers as it likes");
    if (!control_)
        return;
    if (steering_)
        steer_now();
    control_->start(options_.static_grants ? queues_->granted()
                                           : std::vector<control_channel::entries>{},
                    [this](const std::string& why) { on_broken(errc::ring_corrupt, why); });
}

bool vif::steer(std::optional<hash_steering> how) {
    steers_ = how.has_value();
    steering_ = std::move(how);
    if (control_)
        steer_now();
    return control_ != nullptr;
}

void vif::steer_now() {
    control_->steer(steering_, static_cast<std::uint32_t>(queues_->size()), on_steered);
}

/// What was not started moves nothing and is nobody's to wait for.
void vif::stop(const error_code& why) noexcept {
    if (const auto control = std::exchange(control_, nullptr))
        control->stop();
    if (const auto queues = std::exchange(queues_, nullptr))
        queues->stop(why);
    if (on_stop)
        on_stop(why);
}

void vif::disconnect() noexcept {
    if (const auto queues = std::exchange(made_, nullptr))
        queues->release();
    if (const auto control = std::exchange(made_control_, nullptr))
        control->release();
}

} // namespace xenring::frontend::detail
