// The stand-in's event channels: which port of which domain is bound to which.
#pragma once

#include <xenring/grant/error.hpp>
#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/mapping.hpp>
#include <xenring/grant/types.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace xenring::local {

/// All domains' ports. A channel has two ends; an end without a port waits for one domain to bind
/// it. Errors are Xen's (xen/common/event_channel.c): ENOSPC over the quota, EINVAL for a remote
/// port that is not unbound for the caller. Not thread-safe: the machine locks.
class event_channels {
public:
    explicit event_channels(std::size_t ports_per_domain) : quota_{ports_per_domain} {}

    channel_end bind_unbound(domid owner, channel_id descriptor, domid remote, error_code& ec);
    channel_end bind_interdomain(domid owner, channel_id descriptor, domid remote, port remote_port,
                                 error_code& ec);

    /// Closes a port of a descriptor; ENOTCONN if it has no such port. A port that is held stays
    /// bound until the last hold ends.
    void unbind(domid owner, channel_id descriptor, port own, error_code& ec);
    /// Closes all ports of a descriptor.
    void close(channel_id descriptor);

    /// A hold on a port, for an unmap notification. False: the port is not bound.
    bool hold(domid owner, port own);
    void release(domid owner, port own);

    /// Raises an event at the other end.
    void notify(domid owner, port own) const;
    /// Raises an event at this very end.
    void raise_here(domid owner, port own) const;

    /// Closes every port of a domain, held or not, with no event to anybody.
    void remove_domain(domid owner);

    std::size_t ports(domid owner) const;

private:
    struct end {
        domid owner; ///< who has bound it, or may
        port number; ///< meaningful while bound
        bool bound = false;
        channel_id descriptor = 0; ///< 0: the descriptor is closed, only holds are left
        unsigned holds = 0;
        std::uint32_t binding = 0;
        file_descriptor event;
    };
    struct channel {
        file_descriptor words;
        mapping page;
        std::array<end, 2> ends;

        channel_word word(channel_side side) const noexcept { return {page.address(), side}; }
    };
    struct place {
        std::shared_ptr<channel> where;
        channel_side side = 0;

        end& own() const { return where->ends[side]; }
    };
    using port_key = std::pair<domid, port>;
    using port_table = std::map<port_key, place>;

    static std::shared_ptr<channel> make_channel(error_code& ec);
    port free_port(domid owner, error_code& ec) const;
    channel_end bind(const place& at, domid owner, port number, channel_id descriptor,
                     bool is_pending, error_code& ec);
    port_table::iterator close(port_table::iterator at);
    port_table::iterator let_go(port_table::iterator at);

    std::size_t quota_;
    port_table ports_;
};

} // namespace xenring::local
