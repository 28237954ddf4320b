// The far domain as the suite sees it: each member is one command to its agent and one reply.
#pragma once

#include "words.hpp"

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/store.hpp>
#include <xenring/grant/store_watch.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace xenring::conformance {

/// Pages that the far domain granted or mapped, by the agent's number for them.
struct far_pages {
    std::uint32_t id = 0;
    std::vector<grant_ref> references; ///< empty for a mapping
};

/// Failures of what the far domain was told to do are thrown as xenring::error, with the far side's
/// code. An agent that does not answer in time is errc::timed_out.
class far_domain {
public:
    /// `where` is the near side's store; waits until the agent in `id` is there.
    far_domain(store& where, domid id);

    domid id() const noexcept { return id_; }
    /// The far domain's home in the store.
    const std::string& home() const noexcept { return home_; }
    foreign_grant grant(grant_ref reference) const noexcept { return {id_, reference}; }
    /// All references of some pages as grants of this domain.
    std::vector<foreign_grant> grants(const far_pages& pages) const;

    far_pages share(domid peer, std::size_t count, access mode, const unmap_notify& notify = {});
    far_pages map(const std::vector<foreign_grant>& grants, access mode,
                  const unmap_notify& notify = {});
    std::string read(const far_pages& pages, std::size_t offset, std::size_t length);
    void write(const far_pages& pages, std::size_t offset, std::string_view bytes);
    grant_end end(const far_pages& pages);
    void unmap(const far_pages& pages);

    port bind_unbound(domid remote);
    port bind_interdomain(domid remote, port remote_port);
    void unbind(port own);
    void notify(port own);
    void unmask(port own);
    bool wait_event(port own);
    bool has_event(port own);
    void close_events();

    std::string store_read(const std::string& path);
    void store_write(const std::string& path, std::string_view value);
    void store_remove(const std::string& path);
    /// Has one thread read the node while another adds and removes a watch on it, so many times.
    void store_crowd(const std::string& path, std::uint32_t rounds);
    /// How many "nodes", "watches" or "transactions" the far domain can have beside those that it
    /// has, of `most`, and the error that refused one more. Nothing of it stays.
    struct exhausted {
        std::uint32_t count = 0;
        error_code refused;
    };
    exhausted store_exhaust(const std::string& kind, const std::string& path, std::uint32_t most);

    /// Gives up everything that the agent holds. Returns how many pages it says are left over.
    std::size_t reset();
    /// SIGKILLs the agent's process; returns when the kernel has buried it and a new one serves.
    void kill();

private:
    words call(const words& command);
    void send(const words& command);
    std::string wait_for_change(const std::string& path, const std::string& old);
    std::string read_or_empty(const std::string& path);

    store& store_;
    domid id_;
    std::string home_;
    std::uint32_t number_ = 0;
    std::string generation_;
};

} // namespace xenring::conformance
