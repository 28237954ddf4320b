#include <xenring/frontend/hash_setup.hpp>
#include <xenring/ring/shared_copy.hpp>

#include <cerrno>
#include <span>
#include <utility>

namespace xenring::frontend::detail {

namespace netif = ring::netif;
namespace control_type = netif::control_type;
namespace control_status = netif::control_status;

namespace {

constexpr std::size_t longest_mapping = page_size / sizeof(std::uint32_t);

error_code error_of(std::uint32_t status) {
    switch (status) {
    case control_status::not_supported:
        return errno_code(ENOTSUP);
    case control_status::invalid_parameter:
        return errno_code(EINVAL);
    case control_status::buffer_overflow:
        return errno_code(EMSGSIZE);
    default:
        return errc::protocol_violation;
    }
}

template <class T>
void fill(const control_page& page, const T& values) {
    ring::copy_bytes_in(page.bytes, std::as_bytes(std::span{values}));
}

} // namespace

void hash_setup::want(std::optional<hash_steering> what, std::uint32_t queues) {
    wanted_ = std::move(what);
    if (wanted_)
        for (auto& queue : wanted_->mapping)
            queue %= queues;
    outcome_.clear();
    problem_.clear();
    step_ = wanted_ ? step::algorithm : step::off;
    if (!wanted_ || wanted_->mapping.size() <= longest_mapping)
        return;
    outcome_ = errno_code(EINVAL);
    problem_ = "hash mapping is too long";
    step_ = step::off;
}

/// A backend that was told nothing steers as it likes.
void hash_setup::restart() {
    if (wanted_)
        want(std::exchange(wanted_, std::nullopt), 0xffff'ffff); // which are in range already
    else
        step_ = step::done;
}

std::optional<error_code> hash_setup::result() noexcept {
    if (!std::exchange(untold_, false))
        return std::nullopt;
    return outcome_;
}

std::optional<control_message> hash_setup::next(const control_page& page) {
    const auto entries = static_cast<std::uint32_t>(wanted_ ? wanted_->mapping.size() : 0);
    switch (step_) {
    case step::algorithm:
        return control_message{control_type::set_hash_algorithm, {netif::hash_algorithm::toeplitz}};
    case step::key:
        fill(page, wanted_->key);
        return control_message{control_type::set_hash_key,
                               {page.reference.value, netif::max_hash_key}};
    case step::size:
        return control_message{control_type::set_hash_mapping_size, {entries}};
    case step::mapping:
        fill(page, wanted_->mapping);
        return control_message{control_type::set_hash_mapping, {page.reference.value, entries, 0}};
    case step::types:
        return control_message{control_type::set_hash_flags, {wanted_->types}};
    case step::off:
        return control_message{control_type::set_hash_algorithm, {netif::hash_algorithm::none}};
    case step::done:
        break;
    }
    return std::nullopt;
}

hash_setup::step hash_setup::after(step which) const noexcept {
    if (which == step::off || which == step::types)
        return step::done;
    const auto next = static_cast<step>(static_cast<std::uint8_t>(which) + 1);
    return next == step::mapping && wanted_->mapping.empty() ? step::types : next;
}

/// The first refusal is what counts.
void hash_setup::take(const netif::ctrl_response& response) {
    constexpr const char* names[] = {"algorithm", "key",   "mapping's size",
                                     "mapping",   "types", "algorithm"};
    const bool refused = response.status != control_status::success;
    if (refused && !outcome_) {
        outcome_ = error_of(response.status);
        problem_ = std::string{"the backend refuses the hash "} +
                   names[static_cast<std::size_t>(step_)] + " (status " +
                   std::to_string(response.status) + ')';
    }
    const bool useless = step_ == step::algorithm || step_ == step::off;
    step_ = !refused ? after(step_) : useless ? step::done : step::off;
    untold_ = step_ == step::done;
}

} // namespace xenring::frontend::detail
