#pragma once

/// Tells a backend by which hash frames are to be steered.

#include <xenring/frontend/control_script.hpp>
#include <xenring/frontend/hash_steering.hpp>
#include <xenring/grant/error.hpp>

#include <string>

namespace xenring::frontend::detail {

/// The algorithm first, without which a backend takes no types; the types last, so that nothing is
/// steered by half of it. If a backend refuses any of it, it is told to steer as it likes.
class hash_setup final : public control_script {
public:
    /// What a frontend with so many queues wants from now on; nothing: what the backend likes.
    void want(std::optional<hash_steering> what, std::uint32_t queues);

    /// What came of it, once, when all is said. Errors: ENOTSUP, EINVAL, EMSGSIZE by the backend's
    /// status, errc::protocol_violation for a status that does not exist; EINVAL also for a mapping
    /// that no message holds.
    std::optional<error_code> result() noexcept;
    /// What was refused, in words.
    const std::string& problem() const noexcept { return problem_; }

    void restart() override;
    std::optional<control_message> next(const control_page& page) override;
    void take(const ring::netif::ctrl_response& response) override;

private:
    enum class step : std::uint8_t { algorithm, key, size, mapping, types, off, done };

    step after(step which) const noexcept;

    std::optional<hash_steering> wanted_;
    step step_ = step::done;
    error_code outcome_;
    std::string problem_;
    bool untold_ = false; ///< the outcome is there, and result() was not called
};

} // namespace xenring::frontend::detail
