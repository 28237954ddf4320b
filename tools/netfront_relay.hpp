// Frames between a netfront and a TAP.
#pragma once

#include <xenring/frontend/netfront.hpp>
#include <xenring/net/frame_port.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xenring::tools {

/// Carries frames both ways, a bounded number of them before others have their turn. Everything on
/// the netfront's executor.
class netfront_relay : public std::enable_shared_from_this<netfront_relay> {
public:
    /// Makes the TAP, with the address and MTU of the device. Errors: those of net::open_tap().
    netfront_relay(frontend::netfront& net, const std::string& name, error_code& ec);

    /// `ended` is told once, of what ended the connection.
    void start(std::function<void(const error_code&)> ended);
    void stop();

    /// Gives the TAP the carrier and the MTU of the device as it is now; nothing while stopped.
    /// Errors: those of net::set_mtu().
    void follow_device(error_code& ec);

private:
    void wait_for_tap();
    void send();
    bool send_one(error_code& ec);
    void wait_for_net();
    void receive();
    void deliver(const frontend::received_frame& frame);
    void end(const error_code& ec);
    template <class Function>
    auto guarded(Function function);

    frontend::netfront& net_;
    std::unique_ptr<net::frame_port> port_;
    boost::asio::posix::stream_descriptor tap_;
    std::size_t mtu_; ///< that the TAP was given
    std::vector<std::byte> outgoing_, incoming_;
    std::function<void(const error_code&)> ended_;
    unsigned round_ = 0; ///< of start() and stop(): what an earlier one waited for is not ours
};

} // namespace xenring::tools
