#include <xenring/backend/vif.hpp>
#include <xenring/grant/store_transaction.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
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

vif_statistics vif::statistics() const {
    vif_statistics sum;
    for (const auto& each : queue_statistics())
        sum += each;
    return sum;
}

std::vector<vif_statistics> vif::queue_statistics() const {
    auto out = counts_;
    const std::scoped_lock lock{port_mutex_};
    out.front().rx.dropped = dropped_ + dropped_now();
    return out;
}

/// Since it was opened; a TAP that was taken over has counted before.
std::uint64_t vif::dropped_now() const {
    return port_ ? std::max(port_->dropped(), dropped_before_) - dropped_before_ : 0;
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
    auto opened = options_.open_port(names_, ec);
    if (ec)
        return;
    {
        const std::scoped_lock lock{port_mutex_};
        port_ = std::move(opened);
        dropped_before_ = port_->dropped();
    }
    features_.max_queues = std::min(features_.max_queues, port_->max_queues());
    mtu_ = 0;
    told_mtu_ = net::usual_mtu;
    follow_mtu();
    open_capture();
}

/// What a hotplug script does, where there is one: the interface gets the MTU that the toolstack
/// wants, else it has the bridge's, and the guest is told of it.
void vif::follow_mtu() {
    if (!options_.sets_mtu)
        return;
    auto& store = workshop_->here.store();
    error_code ec;
    const auto wanted = parse_number(store.read(names_.backend + "/mtu", ec), net::largest_mtu);
    if (!ec && wanted.value_or(0) >= net::smallest_mtu && std::exchange(mtu_, *wanted) != *wanted) {
        port_->set_mtu(*wanted, ec);
        if (ec)
            complain("cannot set an MTU of " + std::to_string(*wanted) + ": " + ec.message());
    }
    const auto mtu = port_->mtu();
    if (std::exchange(told_mtu_, mtu) == mtu)
        return;
    const auto tell = [&](store_transaction& inside, error_code& problem) {
        if (inside.exists(names_.frontend + "/state", problem) && !problem) // nothing is made anew
            inside.write(names_.frontend + "/mtu", std::to_string(mtu), problem);
    };
    transact(store, tell, ec); // a driver domain may not, and then its toolstack does
}

void vif::complain(const std::string& text) const {
    boost::asio::post(workshop_->here.get_executor(), [tell = options_.complain, text] {
        if (tell)
            tell(text);
    });
}

/// A vif without its capture still serves.
void vif::open_capture() {
    const auto path = options_.capture.path_of(names_.label());
    if (path.empty())
        return;
    error_code ec;
    auto file = net::pcap_file::open(path, ec, options_.capture.snap_length);
    if (ec)
        return complain("cannot capture to " + path + ": " + ec.message());
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
    changing_ = read_changing();
    multicast_.connect(std::exchange(published_, false));
    multicast_.ask(keys_.filters_multicast);
    port_->set_offloads(keys_.takes, ec);
    if (ec)
        problem_ = "offloads of " + port_->name();
    if (!ec && features_.control_ring && keys_.control)
        connect_control(ec);
    for (std::size_t i = 0; i != keys_.queues.size() && !ec; ++i)
        connect_queue(keys_.queues[i], i, ec);
    if (ec)
        disconnect();
    else
        port_->set_carrier(true);
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
    resources.budget = workshop_->budget;
    resources.complain = options_.complain;
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
    auto limits = options_.limits;
    if (changing_.rate)
        limits.rate = changing_.rate;
    auto* const filter = features_.multicast_control ? &multicast_ : nullptr;
    queues_.push_back(std::make_shared<netback_queue>(
        workshop_->here, names_.guest, std::move(resources),
        rx_path::traits{keys_.scatter_gather, keys_.takes, filter, capture_.get(), exchange_.get(),
                        index},
        keys_.tells_refills, workshop_->batch, counts_[index], limits, filter));
}

bool vif::still_the_same_frontend() {
    std::string key;
    error_code ec;
    const auto now =
        read_vif_frontend(workshop_->here.store(), names_.frontend, features_.max_queues, key, ec);
    return ec || (now.queues == keys_.queues && now.control == keys_.control);
}

vif::changing_keys vif::read_changing() const {
    const auto& store = workshop_->here.store();
    changing_keys out;
    error_code ec;
    const auto rate = store.read(names_.backend + "/rate", ec);
    if (!ec)
        out.rate = parse_rate(rate);
    const auto filters = store.read(watched(), ec);
    out.filters_multicast = !ec && parse_number(filters, 0xffff'ffff).value_or(0) != 0;
    return out;
}

std::string vif::watched() const {
    return names_.frontend + "/request-multicast-control";
}

void vif::refresh() {
    changing_ = read_changing();
    follow_mtu();
}

void vif::refreshed() {
    for (const auto& queue : queues_)
        queue->set_rate(changing_.rate ? changing_.rate : options_.limits.rate);
    if (features_.dynamic_multicast_control)
        multicast_.ask(changing_.filters_multicast);
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
}

void vif::close() noexcept {
    std::unique_ptr<net::frame_port> closing; // which takes a while
    {
        const std::scoped_lock lock{port_mutex_};
        dropped_ += dropped_now();
        closing = std::move(port_);
    }
    closing.reset();
    capture_.reset();
}

void vif::start() {
    if (control_)
        control_->start([this](const std::string& why) {
            stop();
            if (report_)
                report_(ring::backend_event::frontend_misbehaved, why);
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
    for (const auto& queue : queues_)
        queue->stop();
}

} // namespace xenring::backend
