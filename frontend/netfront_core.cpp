#include <xenring/frontend/netfront_core.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace xenring::frontend::detail {

namespace asio = boost::asio;
using ring::frontend_phase;

namespace {

/// What an Ethernet frame holds, behind up to two VLAN tags; 0 if the bytes end before that.
unsigned ethertype_of(std::span<const std::byte> frame) noexcept {
    constexpr unsigned customer_tag = 0x8100, service_tag = 0x88a8;
    unsigned type = 0;
    for (std::size_t at = 12; at <= 20 && at + 2 <= frame.size(); at += 4) {
        type = std::to_integer<unsigned>(frame[at]) << 8 | std::to_integer<unsigned>(frame[at + 1]);
        if (type != customer_tag && type != service_tag)
            return type;
    }
    return 0;
}

} // namespace

void netfront_core::connect(std::uint32_t number, done_handler handler) {
    if (is_connected() && !closing_ && number == number_ && std::exchange(unclaimed_, false)) {
        asio::post(here_.get_executor(), asio::append(std::move(handler), error_code{}));
        return;
    }
    if (connecting_ || closing_ || is_connected() || (device_ && number != number_)) {
        asio::post(here_.get_executor(),
                   asio::append(std::move(handler), error_code{asio::error::already_started}));
        return;
    }
    connecting_.swap(handler); // Boost 1.81 cannot assign one
    made_for_connect_ = !device_;
    if (device_)
        return device_->connect();
    make_device(number);
}

void netfront_core::make_device(std::uint32_t number) {
    number_ = number;
    queue_options chosen;
    chosen.tx_pages = options_.tx_pages;
    chosen.rx_pages = options_.rx_pages;
    chosen.split_event_channels = options_.split_event_channels;
    chosen.trusted = options_.trust;
    chosen.takes = options_.takes;
    chosen.static_grants = options_.static_grants;
    auto driver = std::make_unique<vif>(
        here_,
        vif_options{chosen, options_.scatter_gather, options_.filter_multicast, options_.steering},
        counts_);
    vif_ = driver.get();
    listen_to(*driver);
    device_listener listener;
    listener.log = options_.log;
    listener.reached = [weak = weak_from_this()](frontend_phase phase) {
        if (const auto self = weak.lock())
            self->reached(phase);
    };
    device_ = std::make_shared<xenbus_device>(here_, "vif", number, std::move(driver),
                                              std::move(listener), options_.close_limit);
    device_->connect();
    device_->begin();
}

void netfront_core::listen_to(vif& driver) {
    driver.on_broken = [weak = weak_from_this()](const error_code& reason, const std::string& why) {
        const auto self = weak.lock();
        if (!self || !self->device_)
            return;
        self->problem_ = why;
        self->device_->report_broken(reason, why);
    };
    driver.on_change = [weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->changed();
    };
    driver.on_stop = [groups = groups_, steering = steering_](const error_code& why) {
        groups->end(why);
        steering->end(why);
    };
    driver.on_steered = [log = options_.log, steering = steering_](const error_code& ec,
                                                                   const std::string& problem) {
        if (ec && log)
            log(true, problem);
        steering->end(ec);
    };
}

void netfront_core::changed() {
    keys_ = vif_->backend();
    if (const auto tell = options_.device_changed)
        tell();
}

void netfront_core::reached(frontend_phase phase) {
    switch (phase) {
    case frontend_phase::connected:
        return connected();
    case frontend_phase::closed:
        reason_ = device_->reason();
        if (!vif_->problem().empty() && problem_.empty())
            problem_ = vif_->problem();
        if (!device_->wants_connection())
            complete(connecting_, absence());
        return;
    case frontend_phase::finished:
        return finished();
    default:
        return;
    }
}

void netfront_core::connected() {
    keys_ = vif_->backend();
    queue_count_ = vif_->queues()->size();
    reason_.clear();
    problem_.clear();
    unclaimed_ = !connecting_;
    groups_->begin(keys_.multicast_control ? vif_->queues() : nullptr);
    complete(connecting_, {});
}

/// A connect that was asked while this device was on its way out means the one that may be there
/// now; one that it was made for ends with it.
void netfront_core::finished() {
    reason_ = device_->reason();
    device_.reset();
    vif_ = nullptr;
    if (connecting_ && !closing_ && !std::exchange(made_for_connect_, true))
        return make_device(number_);
    complete(connecting_, absence());
    complete(closing_, {});
}

error_code netfront_core::absence() const noexcept {
    if (device_ && device_->reason())
        return device_->reason();
    return reason_ ? reason_ : error_code{errc::not_connected};
}

void netfront_core::close(done_handler handler) {
    if (closing_ || !device_) {
        const auto ec = closing_ ? error_code{asio::error::already_started} : error_code{};
        asio::post(here_.get_executor(), asio::append(std::move(handler), ec));
        return;
    }
    closing_.swap(handler);
    device_->close();
}

void netfront_core::abandon() noexcept {
    if (device_)
        device_->abandon();
    groups_->end(asio::error::operation_aborted);
    steering_->end(asio::error::operation_aborted);
    complete(connecting_, asio::error::operation_aborted);
    complete(closing_, asio::error::operation_aborted);
}

void netfront_core::complete(done_handler& which, const error_code& ec) {
    if (which)
        asio::post(here_.get_executor(), asio::append(std::exchange(which, nullptr), ec));
}

void netfront_core::filter_multicast(bool on, error_code& ec) {
    ec.clear();
    if (std::exchange(options_.filter_multicast, on) == on || !vif_)
        return;
    vif_->filter_multicast(on);
    if (is_connected() && !keys_.dynamic_multicast_control)
        ec = errc::feature_missing;
    else
        device_->rewrite_keys();
}

/// Without a connection it is for the next one.
void netfront_core::steer(std::optional<hash_steering> how, done_handler handler) {
    if (!steering_->begin(std::move(handler)))
        return;
    options_.steering = how;
    const bool told = vif_ && vif_->steer(std::move(how));
    if (!told)
        steering_->end(is_connected() ? error_code{errc::feature_missing} : error_code{});
}

bool netfront_core::is_offered(const outgoing_frame& frame,
                               const ring::netif::packet_info& info) const {
    const auto& takes = keys_.takes;
    if (frame.pieces().size() > 1 && !keys_.scatter_gather)
        return false;
    if (info.gso)
        return info.gso->type == ring::netif::gso_type::tcpv4 ? takes.tcpv4 : takes.tcpv6;
    if (!info.csum_blank || (takes.checksum_ipv4 && takes.checksum_ipv6))
        return true;
    constexpr unsigned ipv6 = 0x86dd;
    const bool is_ipv6 = frame && ethertype_of(frame.pieces()[0]) == ipv6;
    return is_ipv6 ? takes.checksum_ipv6 : takes.checksum_ipv4;
}

} // namespace xenring::frontend::detail
