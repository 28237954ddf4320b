#include <xenring/frontend/grant_offer.hpp>
#include <xenring/ring/shared_copy.hpp>

#include <algorithm>

namespace xenring::frontend::detail {

namespace netif = ring::netif;
namespace control_type = netif::control_type;

void grant_offer::restart() {
    queue_ = 0;
    wanted_.reset();
}

/// What is left of this queue's, or else the next queue's.
std::optional<control_message> grant_offer::next(const control_page& page) {
    if (wanted_ == added_) {
        ++queue_;
        wanted_.reset();
    }
    if (queue_ == grants_.size())
        return std::nullopt;
    if (!wanted_)
        return control_message{control_type::get_gref_mapping_size, {queue()}};
    const auto count = std::min<std::size_t>(*wanted_ - added_, netif::max_gref_entries);
    ring::copy_bytes_in(page.bytes,
                        std::as_bytes(std::span{grants_[queue_]}.subspan(added_, count)));
    added_ += count;
    return control_message{control_type::add_gref_mapping,
                           {queue(), page.reference.value, static_cast<std::uint32_t>(count)}};
}

void grant_offer::take(const netif::ctrl_response& response) {
    if (response.status != netif::control_status::success) {
        queue_ = grants_.size();
        wanted_.reset();
    } else if (!wanted_) {
        wanted_ = std::min<std::size_t>(response.data, grants_[queue_].size());
        added_ = 0;
    }
}

} // namespace xenring::frontend::detail
