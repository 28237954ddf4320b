// One open event channel descriptor of a process on the stand-in.
#pragma once

#include <xenring/grant/event_channel.hpp>
#include <xenring/grant/local/fault_plan.hpp>
#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/mapping.hpp>

#include <map>
#include <memory>
#include <shared_mutex>

namespace xenring::local {

/// An epoll set of its ports' eventfds. notify(), unmask() and read_pending() change the channel's
/// words and write or wait for eventfds; only binding asks the hypervisor.
class client_event_channel final : public event_channel {
public:
    client_event_channel(std::shared_ptr<link> connection, std::shared_ptr<fault_plan> faults,
                         error_code& ec);
    ~client_event_channel() override;

    port bind_unbound(domid remote, error_code& ec) noexcept override;
    port bind_interdomain(domid remote, port remote_port, error_code& ec) noexcept override;
    void unbind(port own, error_code& ec) noexcept override;
    void notify(port own, error_code& ec) noexcept override;
    void unmask(port own, error_code& ec) noexcept override;
    std::size_t read_pending(std::span<port> out, error_code& ec) noexcept override;
    int native_handle() const noexcept override { return epoll_.get(); }

private:
    struct bound_end {
        channel_end end;
        mapping page;

        channel_word own() const noexcept { return {page.address(), end.side}; }
        channel_word peer() const noexcept { return {page.address(), 1 - end.side}; }
        bool is_bound() const noexcept { return own().is_bound(end.binding); }
    };

    void watch(int descriptor, std::uint32_t events, std::uint64_t key, error_code& ec) noexcept;
    port keep(channel_end end, error_code& ec);
    const bound_end* find(port own, error_code& ec) const noexcept;
    bool take(std::uint64_t key) const noexcept;

    std::shared_ptr<link> link_;
    std::shared_ptr<fault_plan> faults_;
    file_descriptor epoll_;
    channel_id channel_ = 0;
    mutable std::shared_mutex mutex_; // guards ends_: notify() may come from any thread
    std::map<port, bound_end> ends_;
};

} // namespace xenring::local
