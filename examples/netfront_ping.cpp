// A guest's network in one program: answers ARP and ping for one address, with no kernel in
// between.
//
//     netfront_ping DEVICE ADDRESS        e.g. netfront_ping 0 10.9.0.2
#include <xenring/frontend/netfront.hpp>
#include <xenring/grant/domain.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <vector>

using namespace xenring;
namespace asio = boost::asio;
using bytes = std::vector<std::byte>;

/// Offsets in an Ethernet frame of what is looked at; sizes in bytes.
constexpr std::size_t ethernet = 14, arp_size = 28, ipv4_size = 20, icmp_size = 8;
constexpr std::size_t arp = ethernet, ip = ethernet, icmp = ethernet + ipv4_size;

unsigned word(const bytes& frame, std::size_t at) {
    return std::to_integer<unsigned>(frame[at]) << 8 | std::to_integer<unsigned>(frame[at + 1]);
}
void put_word(bytes& frame, std::size_t at, unsigned value) {
    frame[at] = static_cast<std::byte>(value >> 8 & 0xff);
    frame[at + 1] = static_cast<std::byte>(value & 0xff);
}

/// Answers as host `address` with `mac`; works on a private copy of the frame.
class host {
public:
    host(const asio::ip::address_v4& address, const ring::netif::mac_address& mac) {
        std::ranges::transform(address.to_bytes(), address_.begin(), to_byte);
        std::ranges::transform(mac, mac_.begin(), to_byte);
    }

    /// Turns a frame into its answer; false if there is none.
    bool answer(bytes& frame) const {
        if (frame.size() < ethernet)
            return false;
        const bool answered = word(frame, 12) == 0x0806   ? answer_arp(frame)
                              : word(frame, 12) == 0x0800 ? answer_ping(frame)
                                                          : false;
        if (answered) {
            std::copy_n(frame.begin() + 6, 6, frame.begin());
            std::ranges::copy(mac_, frame.begin() + 6);
        }
        return answered;
    }

private:
    static std::byte to_byte(unsigned char value) { return static_cast<std::byte>(value); }

    bool is_ours(const bytes& frame, std::size_t at) const {
        return std::equal(address_.begin(), address_.end(), frame.begin() + static_cast<long>(at));
    }

    bool answer_arp(bytes& frame) const {
        constexpr unsigned request = 1, reply = 2;
        if (frame.size() < arp + arp_size || word(frame, arp + 6) != request ||
            !is_ours(frame, arp + 24))
            return false;
        put_word(frame, arp + 6, reply);
        std::copy_n(frame.begin() + arp + 8, 10, frame.begin() + arp + 18); // who asked
        std::ranges::copy(mac_, frame.begin() + arp + 8);
        std::ranges::copy(address_, frame.begin() + arp + 14);
        return true;
    }

    bool answer_ping(bytes& frame) const {
        constexpr std::byte plain_header{0x45}, protocol_icmp{1}, echo{8}, reply{0};
        if (frame.size() < icmp + icmp_size || frame[ip] != plain_header ||
            frame[ip + 9] != protocol_icmp || !is_ours(frame, ip + 16) || frame[icmp] != echo)
            return false;
        std::swap_ranges(frame.begin() + ip + 12, frame.begin() + ip + 16, frame.begin() + ip + 16);
        frame[icmp] = reply;
        const unsigned sum = word(frame, icmp + 2) + 0x0800; // RFC 1624: 8 became 0
        put_word(frame, icmp + 2, (sum & 0xffff) + (sum >> 16));
        return true;
    }

    std::array<std::byte, 4> address_{};
    std::array<std::byte, 6> mac_{};
};

/// Answers frame after frame.
class server {
public:
    server(const domain& here, std::uint32_t device, const asio::ip::address_v4& address)
        : net_{here}, address_{address} {
        net_.async_connect(device, [this](const error_code& ec) {
            throw_if(ec, "connect " + net_.problem());
            std::cout << "connected as " << frontend::to_text(net_.device().mac) << std::endl;
            serve();
        });
    }

private:
    void serve() {
        net_.async_receive([this](const error_code& ec, const frontend::received_frame& received) {
            throw_if(ec, "receive");
            frame_.resize(received.size());
            received.copy_to(frame_);
            if (host{address_, net_.device().mac}.answer(frame_))
                send();
            serve();
        });
    }

    void send() {
        auto frame = net_.prepare(frame_.size());
        if (!frame) // no page is free: the frame is lost, as on a wire
            return;
        frame.fill(frame_);
        error_code lost;
        net_.send(frame, {}, lost);
    }

    frontend::netfront net_;
    asio::ip::address_v4 address_;
    bytes frame_;
};

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: netfront_ping DEVICE ADDRESS\n";
        return 2;
    }
    try {
        asio::io_context io;
        const domain here{io.get_executor()}; // Xen, or the stand-in
        const auto device = static_cast<std::uint32_t>(std::atoi(argv[1]));
        const server serving{here, device, asio::ip::make_address_v4(argv[2])};
        io.run();
    } catch (const std::exception& failure) {
        std::cerr << "netfront_ping: " << failure.what() << '\n';
        return 1;
    }
}
