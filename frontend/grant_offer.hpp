#pragma once

/// Offers the pages of a connection as static grants.

#include <xenring/frontend/control_script.hpp>

#include <vector>

namespace xenring::frontend::detail {

/// Has the backend map pages for good, as many as it takes. Nobody else here notices what becomes
/// of that: a page that is not mapped there is a grant like others. A refusal of any kind is an end
/// in itself.
class grant_offer final : public control_script {
public:
    using entries = std::vector<ring::netif::gref_entry>;

    grant_offer() = default;
    /// `grants`: the pages of each queue.
    explicit grant_offer(std::vector<entries> grants) : grants_{std::move(grants)} {}

    void restart() override;
    std::optional<control_message> next(const control_page& page) override;
    void take(const ring::netif::ctrl_response& response) override;

private:
    std::uint32_t queue() const noexcept { return static_cast<std::uint32_t>(queue_); }

    std::vector<entries> grants_;
    std::size_t queue_ = 0;             ///< that is asked about; as many as there are: all is said
    std::optional<std::size_t> wanted_; ///< of its grants, as many as the backend takes
    std::size_t added_ = 0;             ///< of these; or they are being added
};

} // namespace xenring::frontend::detail
