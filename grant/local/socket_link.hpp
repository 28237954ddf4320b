// A process's connection to the stand-in in another process.
#pragma once

#include <xenring/grant/local/link.hpp>
#include <xenring/grant/local/packet.hpp>

#include <mutex>
#include <string>

namespace xenring::local {

/// One question and its answer at a time, blocking. A reply that makes no sense ends the connection
/// with errc::protocol_violation.
class socket_link final : public link {
public:
    /// Connects to the stand-in in `directory` as a process of `self`. Errors:
    /// errc::no_hypervisor if none runs there, errc::timed_out if it does not answer, errno,
    /// errc::socket_path_too_long.
    socket_link(std::string directory, domid self, error_code& ec);

    domid self() const noexcept override { return self_; }
    std::string where() const override { return "in " + directory_; }

    shared_region share(domid peer, std::uint32_t count, access mode, const unmap_notify& notify,
                        error_code& ec) override;
    grant_end unshare(region_id region, error_code& ec) override;
    mapped_region map(std::span<const foreign_grant> grants, access mode,
                      const unmap_notify& notify, error_code& ec) override;
    void unmap(map_id map, error_code& ec) override;
    file_descriptor memory(region_id region, access mode, error_code& ec) override;
    std::vector<copy_answer> check_copy(std::span<const copy_side> sides, error_code& ec) override;

    channel_id open_event_channel(error_code& ec) override;
    void close_event_channel(channel_id channel, error_code& ec) override;
    channel_end bind_unbound(channel_id channel, domid remote, error_code& ec) override;
    channel_end bind_interdomain(channel_id channel, domid remote, port remote_port,
                                 error_code& ec) override;
    void unbind(channel_id channel, port own, error_code& ec) override;

    std::unique_ptr<store_pipe> open_store(error_code& ec) override;

    error_code state() const noexcept override;
    int destroyed_handle() const noexcept override { return destroyed_.get(); }
    int gone_handle() const noexcept override { return socket_.get(); }
    void disconnect() noexcept override;

private:
    packet_reader ask(const packet_writer& question, error_code& ec);
    void check_copy(std::span<const copy_side> sides, std::vector<copy_answer>& answers,
                    error_code& ec);
    channel_end bind(const packet_writer& question, error_code& ec);

    std::string directory_;
    domid self_;
    std::mutex mutex_; // one question at a time
    file_descriptor socket_;
    file_descriptor destroyed_;
};

/// Sends a question and waits for the answer, whose error, if any, becomes ec. errc::timed_out if
/// it does not come within limit_waits()'s patience: then the connection is of no more use.
packet_reader exchange_packets(const file_descriptor& socket, const packet_writer& question,
                               error_code& ec);

} // namespace xenring::local
