// One end of an open vchan as resources: pages, port, rings. No waiting, no executor.
#pragma once

#include <xenring/grant/domain.hpp>
#include <xenring/grant/pages.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/ring/vchan_endpoint.hpp>
#include <xenring/vchan/closing_mark.hpp>
#include <xenring/vchan/options.hpp>
#include <xenring/vchan/server_keys.hpp>

#include <memory>
#include <string>

namespace xenring::vchan::detail {

/// What the control page and the two rings lie in; a server grants it, a client maps it.
struct channel_memory {
    granted_pages granted_control, granted_left, granted_right;
    mapped_pages<access::read_write> mapped_control, mapped_left;
    mapped_pages<access::read_only> mapped_right;
};

/// Who is at the other end, and how the two found each other.
struct channel_names {
    domid peer;
    ring::vchan_role role = ring::vchan_role::server;
    std::string base;
    server_keys keys;
};

/// An open end. Pages and port live as long as it; close() says goodbye first.
class channel {
public:
    /// Takes over memory whose geometry was checked. `control` is the control page within it.
    channel(channel_names names, ring::vchan_geometry geometry, bound_port own_port,
            channel_memory memory);
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel() { close(); }

    /// Raises an event at the peer.
    void notify() noexcept;

    /// Leaves in order: marks the close, clears the own live byte, notifies, gives the memory up.
    /// What was published stays readable by the peer for as long as it maps the pages.
    void close() noexcept;

    /// The same without the mark, as if the process had died: the peer takes it for that.
    void abort() noexcept;

    const channel_names names;
    bound_port port;

private:
    void leave(mark said) noexcept;
    bool own_domain_destroyed() noexcept;

    channel_memory memory_;
    bool open_ = true;

public:
    ring::vchan_page page;
    closing_marks marks;
    ring::vchan_output output;
    ring::vchan_input input;
};

/// Server: grants the memory and announces it in the store. Blocks on hypervisor and store.
/// Errors: errc::bad_geometry for sizes above 1 MiB; the hypervisor's; the store's. Whatever fails,
/// nothing is left behind.
std::unique_ptr<channel> open_server(const domain& here, const boost::asio::any_io_executor& where,
                                     domid client, const std::string& base, const options& wish,
                                     error_code& ec);

/// Client: connects to the server that is announced at `base` now. Blocks likewise.
/// Errors: errc::server_keys_missing, errc::server_keys_malformed, errc::channel_busy,
/// errc::bad_geometry, errc::bad_live_byte, errc::ring_corrupt; the hypervisor's; the store's.
std::unique_ptr<channel> open_client(const domain& here, const boost::asio::any_io_executor& where,
                                     domid server, const std::string& base, error_code& ec);

/// What to call a ring's fault.
error_code fault_code(ring::fault what) noexcept;

} // namespace xenring::vchan::detail
