// A frame port without a TAP: one end of a packet socket pair, which reads and writes as a TAP
// does.
#pragma once

#include <xenring/net/frame_port.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xenring::backend::test {

/// What a test sees of a vif's interface: the other end of the wire.
class wire {
public:
    explicit wire(std::string name) : name_{std::move(name)} {
        int ends[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        netback_ = ends[0];
        outside_ = ends[1];
    }
    ~wire() {
        close(netback_);
        close(outside_);
    }
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;

    void send(std::span<const std::byte> frame, const net::virtio_header& header = {}) {
        error_code ec;
        net::write_frame(outside_, header, frame, ec);
        EXPECT_FALSE(ec) << ec.message();
    }

    /// False if netback's end is full, as a TAP's queue can be.
    bool try_send(std::span<const std::byte> frame, error_code& ec) const {
        net::write_frame(outside_, {}, frame, ec);
        return !ec;
    }

    struct received {
        net::virtio_header header;
        std::vector<std::byte> frame;
    };
    /// Without a frame if there is none.
    received receive() {
        received out;
        out.frame.resize(net::max_frame_size);
        error_code ec;
        out.frame.resize(net::read_frame(outside_, out.header, out.frame, ec));
        return out;
    }

    int duplicate() const { return fcntl(netback_, F_DUPFD_CLOEXEC, 0); }
    const std::string& name() const { return name_; }

    net::offloads reader; ///< what netback said that it takes
    bool carrier = false;
    bool open = true;

private:
    std::string name_;
    int netback_ = -1, outside_ = -1;
};

class socket_port final : public net::frame_port {
public:
    explicit socket_port(std::shared_ptr<wire> line) : wire_{std::move(line)} {}
    ~socket_port() override { wire_->open = false; }
    std::string name() const override { return wire_->name(); }
    int open_queue(std::size_t, error_code&) override { return wire_->duplicate(); }
    void set_offloads(const net::offloads& reader, error_code&) override { wire_->reader = reader; }
    void set_carrier(bool up) noexcept override { wire_->carrier = up; }

private:
    std::shared_ptr<wire> wire_;
};

} // namespace xenring::backend::test
