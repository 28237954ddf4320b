#include <xenring/grant/pages.hpp>

#include <string>

namespace xenring {

granted_pages::granted_pages(std::shared_ptr<hypervisor> owner, page_region region,
                             std::vector<grant_ref> references, domid peer, access mode) noexcept
    : owner_{std::move(owner)}, region_{region},
      references_{std::move(references)}, peer_{peer}, mode_{mode} {}

granted_pages::granted_pages(granted_pages&& other) noexcept
    : owner_{std::move(other.owner_)}, region_{std::exchange(other.region_, {})},
      references_{std::move(other.references_)}, peer_{other.peer_}, mode_{other.mode_} {}

granted_pages& granted_pages::operator=(granted_pages&& other) noexcept {
    granted_pages taken{std::move(other)};
    std::swap(owner_, taken.owner_);
    std::swap(region_, taken.region_);
    std::swap(references_, taken.references_);
    std::swap(peer_, taken.peer_);
    std::swap(mode_, taken.mode_);
    return *this;
}

granted_pages::~granted_pages() {
    if (region_.address && end() == grant_end::busy)
        owner_->quarantine(region_);
}

grant_end granted_pages::end() noexcept {
    if (!region_.address)
        return grant_end::ended;
    const auto result = owner_->end_share(region_);
    if (result != grant_end::busy) {
        region_ = {};
        references_.clear();
        owner_.reset();
    }
    return result;
}

std::string describe(std::span<const foreign_grant> grants) {
    std::string text = "map " + std::to_string(grants.size()) + " grant(s)";
    if (!grants.empty())
        text += ", the first of them reference " + std::to_string(grants[0].reference.value) +
                " of domain " + std::to_string(grants[0].owner.value);
    return text;
}

} // namespace xenring
