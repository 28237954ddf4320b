// Frames between a netfront and a TAP.
#pragma once

#include <xenring/frontend/netfront.hpp>
#include <xenring/net/frame_port.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xenring::tools {

/// Frames that went no further, in one direction.
struct relay_losses {
    std::uint64_t too_large = 0; ///< for a packet of netif
    std::uint64_t unusable = 0;  ///< a checksum or segmentation that cannot be passed on
    std::uint64_t refused = 0;   ///< by the other side: a device without room, a TAP that is down
};

/// Carries frames both ways, a bounded number of them before others have their turn. Queue N of the
/// TAP goes with queue N of the device, so the kernel chooses where a connection's frames go, and
/// learns it from those that come. Everything on the netfront's executor.
class netfront_relay : public std::enable_shared_from_this<netfront_relay> {
public:
    /// Makes the TAP, with the address and MTU of the device; of several queues if there may ever
    /// be more than one. Errors: those of net::open_tap().
    netfront_relay(frontend::netfront& net, const std::string& name, bool multi_queue,
                   error_code& ec);

    /// `ended` is told once, of what ended the connection.
    void start(std::function<void(const error_code&)> ended);
    void stop();

    /// From the TAP, and to it, since the relay was made.
    const relay_losses& lost_out() const noexcept { return lost_out_; }
    const relay_losses& lost_in() const noexcept { return lost_in_; }

    /// Gives the TAP the carrier and the MTU of the device as it is now; nothing while stopped.
    /// Errors: those of net::set_mtu().
    void follow_device(error_code& ec);

private:
    using tap_queue = boost::asio::posix::stream_descriptor;

    void open_queues(error_code& ec);
    void wait_for_tap(std::size_t queue);
    void send(std::size_t queue);
    bool send_one(std::size_t queue, error_code& ec);
    void wait_for_net();
    void receive();
    void deliver(const frontend::received_frame& frame);
    void end(const error_code& ec);
    template <class Function>
    auto guarded(Function function);

    frontend::netfront& net_;
    std::unique_ptr<net::frame_port> port_;
    std::vector<tap_queue> queues_; ///< as many as the device has
    std::size_t mtu_;               ///< that the TAP was given
    std::vector<std::byte> outgoing_, incoming_;
    relay_losses lost_out_, lost_in_;
    std::function<void(const error_code&)> ended_;
    unsigned round_ = 0; ///< of start() and stop(): what an earlier one waited for is not ours
};

} // namespace xenring::tools
