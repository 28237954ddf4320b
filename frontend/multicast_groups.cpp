#include <xenring/frontend/multicast_groups.hpp>
#include <xenring/frontend/vif_keys.hpp>
#include <xenring/grant/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace xenring::frontend::detail {

namespace netif = ring::netif;

multicast_groups::multicast_groups(const boost::asio::any_io_executor& executor, log_function log)
    : waiter_{std::make_shared<wait_slot>(executor)}, log_{std::move(log)} {
    groups_.reserve(max_groups);
}

void multicast_groups::change(bool joined, const address& which, done_handler handler) {
    if (!waiter_->begin(std::move(handler)))
        return;
    if (const auto ec = note(joined, which))
        return waiter_->end(ec);
    awaited_ = which;
    if (!queues_) {
        std::erase_if(groups_, [](const group& each) { return !each.wanted; });
        return waiter_->end(connected_ ? error_code{errc::feature_missing} : error_code{});
    }
    ask_next();
}

/// What is wanted from now on.
error_code multicast_groups::note(bool joined, const address& which) {
    constexpr unsigned group_bit = 1; // in the first byte of an address
    if ((which[0] & group_bit) == 0)
        return errno_code(EINVAL);
    if (auto* const known = find(which)) {
        known->wanted = joined;
        known->refused = false;
    } else if (joined) {
        if (groups_.size() == max_groups)
            return errno_code(ENOBUFS);
        groups_.push_back({which});
    }
    return {};
}

multicast_groups::group* multicast_groups::find(const address& which) noexcept {
    const auto found = std::ranges::find(groups_, which, &group::mac);
    return found == groups_.end() ? nullptr : &*found;
}

void multicast_groups::begin(std::shared_ptr<queue_set> queues) {
    if (connected_ && queues == queues_)
        return;
    connected_ = true;
    queues_ = std::move(queues);
    asked_.reset();
    for (auto& each : groups_)
        each.told = each.refused = false;
    ask_next();
}

void multicast_groups::end(const error_code& why) {
    connected_ = false;
    queues_.reset();
    waiter_->end(why);
}

/// One at a time. Also ends the wait for one about which there is nothing to ask.
void multicast_groups::ask_next() {
    if (asked_)
        return;
    std::erase_if(groups_, [](const group& each) { return !each.wanted && !each.told; });
    const auto* const awaited = find(awaited_);
    if (!awaited || awaited->wanted == awaited->told)
        waiter_->end({});
    const auto next = std::ranges::find_if(
        groups_, [](const group& each) { return each.wanted != each.told && !each.refused; });
    if (!queues_ || next == groups_.end())
        return;
    asked_ = next->mac;
    adds_ = next->wanted;
    queues_->change_multicast(
        adds_ ? netif::extra_type::multicast_add : netif::extra_type::multicast_del, *asked_,
        [weak = weak_from_this(), on = queues_.get()](std::int16_t status) {
            if (const auto self = weak.lock(); self && self->queues_.get() == on)
                self->answered(status);
        });
}

void multicast_groups::answered(std::int16_t status) {
    const auto about = *std::exchange(asked_, std::nullopt); // none goes while it is asked about
    if (status == netif::response_status::okay)
        find(about)->told = adds_;
    else
        refused(*find(about));
    ask_next();
}

/// One that was joined before is asked of the next backend again, whatever this one says.
void multicast_groups::refused(group& which) {
    if (log_)
        log_(true, "the backend does not " + std::string{adds_ ? "add " : "remove "} +
                       to_text(which.mac) + (adds_ ? " to" : " from") + " its multicast list");
    which.refused = true;
    if (which.wanted != adds_)
        return; // the program wants the opposite by now
    const bool awaited = waiter_->waits() && which.mac == awaited_;
    if (awaited)
        waiter_->end(errno_code(ENOBUFS));
    if (!adds_ || awaited)
        std::erase_if(groups_, [mac = which.mac](const group& each) { return each.mac == mac; });
}

} // namespace xenring::frontend::detail
