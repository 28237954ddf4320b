// Pages that never move, owned by exactly one object: granted by us, or mapped from a peer. What
// may be done with them is in the type.
#pragma once

#include <xenring/grant/hypervisor.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace xenring {

/// Pages that this domain granted to one peer. Move-only; empty after a move. The address is page
/// aligned and stays the same for the object's whole life.
///
/// The destructor asks for the end of the grant. If the peer still maps the pages they go to the
/// hypervisor's quarantine, counted, and no other domain ever gets them before their end is known.
class granted_pages {
public:
    granted_pages() noexcept = default;
    granted_pages(granted_pages&& other) noexcept;
    granted_pages& operator=(granted_pages&& other) noexcept;
    ~granted_pages();

    explicit operator bool() const noexcept { return region_.address != nullptr; }
    std::size_t page_count() const noexcept { return region_.count; }
    /// All pages, contiguous. If mode() is read_write the peer may change them at any time.
    std::span<std::byte> bytes() const noexcept {
        return {region_.address, region_.count * page_size};
    }
    /// One reference a page, in the order of the pages.
    std::span<const grant_ref> references() const noexcept { return references_; }
    domid peer() const noexcept { return peer_; }
    access mode() const noexcept { return mode_; }

    /// Asks for the end of the grant. After ended or unknown this object is empty; after busy it
    /// still owns the pages, and the question may be repeated.
    grant_end end() noexcept;

private:
    friend class hypervisor;
    granted_pages(std::shared_ptr<hypervisor> owner, page_region region,
                  std::vector<grant_ref> references, domid peer, access mode) noexcept;

    std::shared_ptr<hypervisor> owner_;
    page_region region_;
    std::vector<grant_ref> references_;
    domid peer_;
    access mode_ = access::read_only;
};

/// Pages of other domains, mapped here. Move-only; empty after a move. A read_only mapping yields
/// const bytes only; a read_write one converts to read_only, never the other way. The owner may
/// change the bytes at any time: copy once, then validate the copy (XSA-155).
template <access Mode>
class mapped_pages {
public:
    using byte = std::conditional_t<Mode == access::read_only, const std::byte, std::byte>;

    mapped_pages() noexcept = default;
    mapped_pages(mapped_pages&& other) noexcept
        : owner_{std::move(other.owner_)}, region_{std::exchange(other.region_, {})} {}
    mapped_pages& operator=(mapped_pages&& other) noexcept {
        if (this != &other) {
            reset();
            owner_ = std::move(other.owner_);
            region_ = std::exchange(other.region_, {});
        }
        return *this;
    }
    /// Gives up the right to write.
    mapped_pages(mapped_pages<access::read_write>&& other) noexcept
        requires(Mode == access::read_only)
        : owner_{std::move(other.owner_)}, region_{std::exchange(other.region_, {})} {}
    ~mapped_pages() { reset(); }

    explicit operator bool() const noexcept { return region_.address != nullptr; }
    std::size_t page_count() const noexcept { return region_.count; }
    std::span<byte> bytes() const noexcept { return {region_.address, region_.count * page_size}; }

    /// Unmaps. The owner's view of the grant may end a little later (gntdev unmaps asynchronously).
    void reset() noexcept {
        if (region_.address)
            std::exchange(owner_, nullptr)->unmap(std::exchange(region_, {}));
    }

private:
    friend class hypervisor;
    friend class mapped_pages<access::read_only>;
    mapped_pages(std::shared_ptr<hypervisor> owner, page_region region) noexcept
        : owner_{std::move(owner)}, region_{region} {}

    std::shared_ptr<hypervisor> owner_;
    page_region region_;
};

template <access Mode>
mapped_pages<Mode> hypervisor::map(std::span<const foreign_grant> grants,
                                   const unmap_notify& notify, error_code& ec) {
    const auto region = checked_map(grants, Mode, notify, ec);
    if (ec)
        return {};
    return {shared_from_this(), region};
}

/// "map N grants, the first of them reference R of domain D".
std::string describe(std::span<const foreign_grant> grants);

template <access Mode>
mapped_pages<Mode> hypervisor::map(std::span<const foreign_grant> grants,
                                   const unmap_notify& notify) {
    error_code ec;
    auto pages = map<Mode>(grants, notify, ec);
    if (ec)
        throw_if(ec, describe(grants));
    return pages;
}

} // namespace xenring
