#include <xenring/backend/vif.hpp>

#include <boost/asio/post.hpp>

#include <span>
#include <utility>

namespace xenring::backend {
namespace {

mapped_pages<access::read_write> map_ring(hypervisor& machine, domid guest, grant_ref reference,
                                          error_code& ec) {
    const foreign_grant page{guest, reference};
    return machine.map<access::read_write>(std::span{&page, 1}, {}, ec);
}

} // namespace

vif::vif(std::shared_ptr<vif_workshop> workshop, device_names names, const options& chosen)
    : workshop_{std::move(workshop)}, names_{std::move(names)}, options_{chosen},
      counts_(chosen.features.max_queues) {}

vif_statistics vif::statistics() const noexcept {
    vif_statistics sum;
    for (const auto& each : counts_)
        sum += each;
    return sum;
}

void vif::open(error_code& ec) {
    if (port_)
        return;
    error_code absent;
    const auto mac = workshop_->here.store().read(names_.backend + "/mac", absent);
    features_ = options_.features;
    apply(options_.feature_rules, names_.label(), mac, features_);
    features_ = consistent(features_);
    problem_ = "interface " + names_.label();
    port_ = options_.open_port(names_, ec);
    if (!ec)
        open_capture();
}

/// A vif without its capture still serves.
void vif::open_capture() {
    const auto path = options_.capture.path_of(names_.label());
    if (path.empty())
        return;
    error_code ec;
    auto file = net::pcap_file::open(path, ec, options_.capture.snap_length);
    if (ec)
        return boost::asio::post(
            workshop_->here.get_executor(), [complain = options_.complain, path, ec] {
                if (complain)
                    complain("cannot capture to " + path + ": " + ec.message());
            });
    capture_ = std::make_unique<frame_capture>(
        std::move(file), [complain = options_.complain, path](const error_code& failed) {
            if (complain)
                complain("the capture in " + path + " ends here: " + failed.message());
        });
}

void vif::publish(store_operations& store, const std::string& directory, error_code& ec) {
    write_vif_features(store, directory, features_, ec);
    published_ = true;
}

void vif::connect(error_code& ec) {
    problem_.clear();
    keys_ = read_vif_frontend(workshop_->here.store(), names_.frontend, features_.max_queues,
                              problem_, ec);
    if (ec)
        return;
    restrict_to(features_, keys_);
    connect_rate(ec);
    if (ec)
        return disconnect();
    port_->set_offloads(keys_.takes, ec);
    if (ec)
        problem_ = "offloads of " + port_->name();
    else if (features_.multicast_control)
        connect_multicast(ec);
    if (!ec && features_.control_ring && keys_.control)
        connect_control(ec);
    for (std::size_t i = 0; i != keys_.queues.size() && !ec; ++i)
        connect_queue(keys_.queues[i], i, ec);
    if (ec)
        disconnect();
    else
        port_->set_carrier(true);
}

void vif::connect_multicast(error_code& ec) {
    multicast_.connect(std::exchange(published_, false));
    multicast_.ask(keys_.filters_multicast);
    problem_ = names_.frontend + "/request-multicast-control";
    if (features_.dynamic_multicast_control)
        multicast_key_ = std::make_shared<watched_key>(workshop_->here, problem_, ec);
}

/// The queues begin with the rate of now, and are told what becomes of it.
void vif::connect_rate(error_code& ec) {
    limits_ = options_.limits;
    problem_ = names_.backend + "/rate";
    rate_key_ = std::make_shared<watched_key>(workshop_->here, problem_, ec);
    error_code absent;
    if (const auto rate = workshop_->here.store().read(problem_, absent); !absent)
        limits_.rate = parse_rate(rate);
}

void vif::connect_control(error_code& ec) {
    control_resources resources;
    problem_ = "control ring " + std::to_string(keys_.control->ring.value);
    resources.ring = map_ring(workshop_->here.hypervisor(), names_.guest, keys_.control->ring, ec);
    if (ec)
        return;
    problem_ = "event channel " + std::to_string(keys_.control->channel.value);
    resources.port = workshop_->ports.bind_interdomain(names_.guest, keys_.control->channel, ec);
    if (ec)
        return;
    for (std::size_t i = 0; i != keys_.queues.size(); ++i)
        grants_.push_back(std::make_shared<static_grants>(features_.static_grants));
    resources.grants = grants_;
    resources.exchange = exchange_ = std::make_shared<frame_exchange>(keys_.queues.size());
    control_ =
        std::make_shared<control_channel>(workshop_->here, names_.guest, std::move(resources));
}

void vif::connect_queue(const vif_queue_keys& keys, std::size_t index, error_code& ec) {
    auto& machine = workshop_->here.hypervisor();
    queue_resources resources;
    problem_ = "tx ring " + std::to_string(keys.tx_ring.value);
    resources.tx_ring = map_ring(machine, names_.guest, keys.tx_ring, ec);
    if (ec)
        return;
    problem_ = "rx ring " + std::to_string(keys.rx_ring.value);
    resources.rx_ring = map_ring(machine, names_.guest, keys.rx_ring, ec);
    if (ec)
        return;
    problem_ = "event channel " + std::to_string(keys.tx_port.value);
    resources.tx_port = workshop_->ports.bind_interdomain(names_.guest, keys.tx_port, ec);
    if (ec)
        return;
    if (keys.rx_port) {
        problem_ = "event channel " + std::to_string(keys.rx_port->value);
        resources.rx_port = workshop_->ports.bind_interdomain(names_.guest, *keys.rx_port, ec);
        if (ec)
            return;
    }
    problem_ = "queue of " + port_->name();
    resources.descriptor = port_->open_queue(index, ec);
    if (ec)
        return;
    if (!grants_.empty())
        resources.grants = grants_[index];
    auto* const filter = features_.multicast_control ? &multicast_ : nullptr;
    queues_.push_back(std::make_shared<netback_queue>(
        workshop_->here, names_.guest, std::move(resources),
        rx_path::traits{keys_.scatter_gather, keys_.takes, filter, capture_.get(), exchange_.get(),
                        index},
        keys_.tells_refills, workshop_->batch, counts_[index], limits_, filter));
}

bool vif::still_the_same_frontend() {
    std::string key;
    error_code ec;
    const auto now =
        read_vif_frontend(workshop_->here.store(), names_.frontend, features_.max_queues, key, ec);
    return ec || (now.queues == keys_.queues && now.control == keys_.control);
}

void vif::disconnect() noexcept {
    if (port_ && !queues_.empty())
        port_->set_carrier(false);
    for (const auto& queue : queues_)
        queue->release();
    queues_.clear();
    if (control_)
        control_->release();
    control_.reset();
    exchange_.reset();
    grants_.clear();
    multicast_key_.reset();
    rate_key_.reset();
}

void vif::close() noexcept {
    port_.reset();
    capture_.reset();
}

void vif::start() {
    if (control_)
        control_->start([this](const std::string& why) {
            stop();
            if (report_)
                report_(ring::backend_event::frontend_misbehaved, why);
        });
    if (rate_key_)
        rate_key_->start([this](const std::optional<std::string>& value) {
            const auto rate = value ? parse_rate(*value) : std::nullopt;
            for (const auto& queue : queues_)
                queue->set_rate(rate);
        });
    if (multicast_key_)
        multicast_key_->start([this](const std::optional<std::string>& value) {
            const auto number = value ? parse_number(*value, 0xffff'ffff) : std::nullopt;
            multicast_.ask(number.value_or(0) != 0);
        });
    for (const auto& queue : queues_)
        queue->start([this](netback_queue::broken what, const std::string& why) {
            stop();
            if (report_)
                report_(what == netback_queue::broken::guest
                            ? ring::backend_event::frontend_misbehaved
                            : ring::backend_event::device_failed,
                        why);
        });
}

void vif::stop() noexcept {
    if (control_)
        control_->stop();
    if (rate_key_)
        rate_key_->stop();
    if (multicast_key_)
        multicast_key_->stop();
    for (const auto& queue : queues_)
        queue->stop();
}

} // namespace xenring::backend
