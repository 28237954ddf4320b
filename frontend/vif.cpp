#include <xenring/frontend/vif.hpp>

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
    made_ = std::make_shared<netfront_queue>(here_.get_executor(), here_.hypervisor(), names.peer,
                                             options, *counts_, problem_, ec);
    if (ec)
        made_.reset();
    else if (options.static_grants && backend_.control_ring)
        make_control(names.peer);
}

/// The connection works without it as well.
void vif::make_control(domid backend) {
    error_code ec;
    made_control_ =
        std::make_shared<control_channel>(here_.get_executor(), here_.hypervisor(), backend, ec);
    if (ec)
        made_control_.reset();
}

void vif::write_keys(store_operations& store, const std::string& directory, error_code& ec) {
    vif_published_keys keys;
    keys.tx_ring = made_->tx_reference();
    keys.rx_ring = made_->rx_reference();
    keys.tx_port = made_->tx_port();
    if (made_->rx_port() != made_->tx_port())
        keys.rx_port = made_->rx_port();
    if (made_control_) {
        keys.control_ring = made_control_->reference();
        keys.control_port = made_control_->number();
    }
    keys.multi_queue = backend_.multi_queue;
    keys.scatter_gather = scatter_gather_;
    keys.takes = options_.takes;
    write_vif_keys(store, directory, keys, ec);
}

void vif::refresh(const device_names& names) {
    fresh_ = backend_;
    refresh_vif_backend(here_.store(), names, fresh_);
}

void vif::refreshed() {
    const bool same = fresh_.carrier == backend_.carrier && fresh_.mtu == backend_.mtu;
    backend_ = fresh_;
    if (!same && queue_ && on_change)
        on_change();
}

void vif::start() {
    queue_ = made_;
    queue_->start(on_broken);
    control_ = made_control_;
    if (control_)
        control_->start(queue_->granted(), on_broken);
}

/// What was not started moves nothing and is nobody's to wait for.
void vif::stop(const error_code& why) noexcept {
    if (const auto control = std::exchange(control_, nullptr))
        control->stop();
    if (const auto queue = std::exchange(queue_, nullptr))
        queue->stop(why);
}

void vif::disconnect() noexcept {
    if (const auto queue = std::exchange(made_, nullptr))
        queue->release();
    if (const auto control = std::exchange(made_control_, nullptr))
        control->release();
}

} // namespace xenring::frontend::detail
