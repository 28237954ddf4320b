// What a program's process asks of the stand-in, before any page is mapped: direct calls when both
// are one process (process.hpp), messages over a socket when not (socket_link.hpp).
#pragma once

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/local/channel_words.hpp>
#include <xenring/grant/local/file_descriptor.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace xenring::local {

/// A name for pages granted by one call; never used twice.
using region_id = std::uint64_t;
/// A name for pages mapped by one call; never used twice.
using map_id = std::uint64_t;
/// A name for one open event channel descriptor; never used twice.
using channel_id = std::uint64_t;

/// Pages that were granted.
struct shared_region {
    region_id region = 0;
    std::vector<grant_ref> references;
};

/// Where a granted page's bytes are: a page of a region's memory.
struct page_source {
    region_id region = 0;
    std::uint32_t page = 0;
};

/// Pages that were mapped, in the order asked for.
struct mapped_region {
    map_id map = 0;
    std::vector<page_source> pages;
};

/// One granted side of a copy: who may be read or written, and how much.
struct copy_side {
    foreign_grant grant;
    access mode = access::read_only; ///< read_only: a source; read_write: a destination
    std::uint16_t offset = 0;
    std::uint16_t length = 0;
};

/// What the hypervisor says of one side of a copy, and where its page is.
struct copy_answer {
    grant_status status = grant_status::general_error;
    page_source source;
    std::uint32_t region_pages = 0;         ///< how large the region is
    access region_mode = access::read_only; ///< what its memory may be opened for
};

/// One end of an event channel, as the process that bound it holds it.
struct channel_end {
    port number;
    channel_side side = 0;
    std::uint32_t binding = 0; ///< see channel_words.hpp
    file_descriptor words;     ///< the page of the two words
    file_descriptor own_event;
    file_descriptor peer_event;
};

/// A process's connection to the stand-in. Its end is the process's death. Thread-safe, blocking.
class link {
public:
    link() = default;
    link(const link&) = delete;
    link& operator=(const link&) = delete;
    virtual ~link() = default;

    virtual domid self() const noexcept = 0;
    /// "in this process" or "in DIRECTORY".
    virtual std::string where() const = 0;

    virtual shared_region share(domid peer, std::uint32_t count, access mode,
                                const unmap_notify& notify, error_code& ec) = 0;
    virtual grant_end unshare(region_id region, error_code& ec) = 0;
    virtual mapped_region map(std::span<const foreign_grant> grants, access mode,
                              const unmap_notify& notify, error_code& ec) = 0;
    virtual void unmap(map_id map, error_code& ec) = 0;
    /// The memory of a region that this domain granted, or that is granted to it.
    virtual file_descriptor memory(region_id region, access mode, error_code& ec) = 0;
    /// One answer for each side.
    virtual std::vector<copy_answer> check_copy(std::span<const copy_side> sides,
                                                error_code& ec) = 0;

    virtual channel_id open_event_channel(error_code& ec) = 0;
    virtual void close_event_channel(channel_id channel, error_code& ec) = 0;
    virtual channel_end bind_unbound(channel_id channel, domid remote, error_code& ec) = 0;
    virtual channel_end bind_interdomain(channel_id channel, domid remote, port remote_port,
                                         error_code& ec) = 0;
    virtual void unbind(channel_id channel, port own, error_code& ec) = 0;

    virtual std::unique_ptr<store_pipe> open_store(error_code& ec) = 0;

    /// No error while the domain and the hypervisor live: else errc::domain_destroyed,
    /// errc::hypervisor_gone or errc::not_connected.
    virtual error_code state() const noexcept = 0;
    /// Descriptors that poll readable, or hung up, once state() is an error. -1: there is none.
    virtual int destroyed_handle() const noexcept = 0;
    virtual int gone_handle() const noexcept = 0;

    /// Ends the connection as the process's death would.
    virtual void disconnect() noexcept = 0;
};

} // namespace xenring::local
