// A frame port without a TAP: one end of a packet socket pair, which reads and writes as a TAP
// does.
#pragma once

#include <xenring/net/frame_port.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xenring::backend::test {

/// What a test sees of a vif's interface: the other end of the wire, which has a socket for each
/// queue as a TAP has.
class wire {
public:
    explicit wire(std::string name) : name_{std::move(name)} { queue(0); }
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;

    void send(std::span<const std::byte> frame, const net::virtio_header& header = {},
              std::size_t to = 0) {
        error_code ec;
        net::write_frame(queue(to).outside, header, frame, ec);
        EXPECT_FALSE(ec) << ec.message();
    }

    /// False if netback's end is full, as a TAP's queue can be.
    bool try_send(std::span<const std::byte> frame, error_code& ec, std::size_t to = 0) {
        net::write_frame(queue(to).outside, {}, frame, ec);
        return !ec;
    }

    struct received {
        net::virtio_header header;
        std::vector<std::byte> frame;
    };
    /// From any queue; without a frame if there is none.
    received receive() {
        const std::scoped_lock lock{mutex_};
        received out;
        for (const auto& each : queues_) {
            error_code ec;
            out.frame.resize(net::max_frame_size);
            out.frame.resize(net::read_frame(each->outside, out.header, out.frame, ec));
            if (!out.frame.empty())
                break;
        }
        return out;
    }

    /// Whether netback has not read yet all that was sent to a queue of it.
    bool waits(std::size_t number) {
        pollfd question{queue(number).netback, POLLIN, 0};
        return poll(&question, 1, 0) == 1;
    }

    int duplicate(std::size_t of) { return fcntl(queue(of).netback, F_DUPFD_CLOEXEC, 0); }
    const std::string& name() const { return name_; }

    net::offloads reader; ///< what netback said that it takes
    bool carrier = false;
    std::size_t mtu = net::usual_mtu;
    bool open = true;

private:
    struct sockets {
        sockets() {
            int ends[2] = {-1, -1};
            EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                      0);
            netback = ends[0];
            outside = ends[1];
        }
        ~sockets() {
            close(netback);
            close(outside);
        }
        sockets(const sockets&) = delete;
        sockets& operator=(const sockets&) = delete;
        int netback = -1, outside = -1;
    };
    sockets& queue(std::size_t number) {
        const std::scoped_lock lock{mutex_};
        while (queues_.size() <= number)
            queues_.push_back(std::make_unique<sockets>());
        return *queues_[number];
    }

    std::string name_;
    std::mutex mutex_; ///< netback opens queues on a thread of its own
    std::vector<std::unique_ptr<sockets>> queues_;
};

/// The wires by their interfaces' names. Netback opens its ports on a thread of its own.
class wires_by_name {
public:
    std::shared_ptr<wire> add(const std::string& name) {
        auto made = std::make_shared<wire>(name);
        put(name, made);
        return made;
    }
    void put(const std::string& name, std::shared_ptr<wire> which) {
        const std::scoped_lock lock{mutex_};
        wires_[name] = std::move(which);
    }
    bool contains(const std::string& name) { return bool(find(name)); }
    std::shared_ptr<wire> at(const std::string& name) {
        const std::scoped_lock lock{mutex_};
        return wires_.at(name);
    }
    /// Nothing if it is not open yet.
    std::shared_ptr<wire> find(const std::string& name) {
        const std::scoped_lock lock{mutex_};
        const auto found = wires_.find(name);
        return found == wires_.end() ? nullptr : found->second;
    }
    void clear() {
        const std::scoped_lock lock{mutex_};
        wires_.clear();
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<wire>> wires_;
};

class socket_port final : public net::frame_port {
public:
    explicit socket_port(std::shared_ptr<wire> line) : wire_{std::move(line)} {}
    ~socket_port() override { wire_->open = false; }
    std::string name() const override { return wire_->name(); }
    int open_queue(std::size_t number, error_code&) override { return wire_->duplicate(number); }
    void set_offloads(const net::offloads& reader, error_code&) override { wire_->reader = reader; }
    void set_carrier(bool up) noexcept override { wire_->carrier = up; }
    std::size_t mtu() const override { return wire_->mtu; }
    void set_mtu(std::size_t bytes, error_code&) override { wire_->mtu = bytes; }

private:
    std::shared_ptr<wire> wire_;
};

} // namespace xenring::backend::test
