#include <xenring/grant/local/client.hpp>
#include <xenring/grant/local/client_event_channel.hpp>
#include <xenring/grant/local/grant_copy.hpp>

#include <algorithm>
#include <cerrno>
#include <new>

namespace xenring::local {
namespace {

constexpr std::size_t cached_regions = 4096;

} // namespace

client::client(std::shared_ptr<link> connection, std::shared_ptr<fault_plan> faults,
               std::string why)
    : link_{std::move(connection)}, faults_{std::move(faults)}, why_{std::move(why)},
      copies_{cached_regions} {}

client::~client() = default;

std::string client::description() const {
    auto text =
        "the stand-in hypervisor " + link_->where() + ", as domain " + std::to_string(self().value);
    return why_.empty() ? text : text + "; " + why_;
}

/// Region and map numbers are one sequence, so either names a piece of our addresses.
page_region client::keep(std::uint64_t handle, mapping pages) {
    const page_region region{pages.address(), pages.pages(), handle};
    std::lock_guard lock{mutex_};
    regions_.emplace(handle, std::move(pages));
    return region;
}

void client::forget(const page_region& region) noexcept {
    std::lock_guard lock{mutex_};
    regions_.erase(region.handle);
}

page_region client::do_share(domid peer, std::size_t count, access mode, const unmap_notify& notify,
                             std::vector<grant_ref>& references, error_code& ec) {
    if (faults_->strikes(call::share, ec))
        return {};
    auto shared =
        link_->share(peer, static_cast<std::uint32_t>(std::min<std::size_t>(count, UINT32_MAX)),
                     mode, notify, ec);
    if (ec)
        return {};
    const auto memory = link_->memory(shared.region, access::read_write, ec);
    mapping pages;
    if (!ec)
        pages = mapping::of(memory, count, access::read_write, ec);
    if (ec) {
        error_code ignored;
        link_->unshare(shared.region, ignored);
        return {};
    }
    references = std::move(shared.references);
    return keep(shared.region, std::move(pages));
}

grant_end client::do_unshare(const page_region& region) noexcept {
    error_code ec;
    if (faults_->strikes(call::unshare, ec))
        return grant_end::busy;
    auto result = link_->unshare(region.handle, ec);
    if (ec)
        result = grant_end::unknown; // nobody is left to ask
    if (result != grant_end::busy)
        forget(region);
    return result;
}

mapping client::place(const mapped_region& mapped, access mode, error_code& ec) {
    auto pages = mapping::reserve(mapped.pages.size(), ec);
    file_descriptor memory;
    for (std::size_t at = 0; at < mapped.pages.size() && !ec;) {
        const auto first = mapped.pages[at];
        std::size_t run = 1;
        while (at + run < mapped.pages.size() && mapped.pages[at + run].region == first.region &&
               mapped.pages[at + run].page == first.page + run)
            ++run;
        if (at == 0 || mapped.pages[at - 1].region != first.region)
            memory = link_->memory(first.region, mode, ec);
        if (!ec)
            pages.place(at, memory, first.page, run, mode, ec);
        at += run;
    }
    return pages;
}

page_region client::do_map(std::span<const foreign_grant> grants, access mode,
                           const unmap_notify& notify, error_code& ec) {
    if (faults_->strikes(call::map, ec))
        return {};
    const auto mapped = link_->map(grants, mode, notify, ec);
    if (ec)
        return {};
    auto pages = place(mapped, mode, ec);
    if (ec) {
        error_code ignored;
        link_->unmap(mapped.map, ignored);
        return {};
    }
    return keep(mapped.map, std::move(pages));
}

void client::do_unmap(const page_region& region, error_code& ec) noexcept {
    if (faults_->strikes(call::unmap, ec))
        return;
    // Our own addresses first: once the peer is told, we must not touch the page any more.
    forget(region);
    link_->unmap(region.handle, ec);
}

void client::copy(std::span<copy_segment> segments, error_code& ec) noexcept {
    ec.clear();
    if (segments.empty() || faults_->strikes(call::copy, ec))
        return;
    try {
        std::lock_guard lock{copy_mutex_};
        grant_copy(*link_, copies_, segments, ec);
    } catch (const std::bad_alloc&) {
        ec = errno_code(ENOMEM);
    }
}

std::unique_ptr<event_channel> client::open_event_channel(error_code& ec) {
    ec.clear();
    if (faults_->strikes(call::open_event_channel, ec))
        return nullptr;
    auto opened = std::make_unique<client_event_channel>(link_, faults_, ec);
    return ec ? nullptr : std::move(opened);
}

std::unique_ptr<store_pipe> client::open_store(error_code& ec) {
    ec.clear();
    return faults_->strikes(call::open_store, ec) ? nullptr : link_->open_store(ec);
}

} // namespace xenring::local
