// Serves the vifs of guests without a TAP: this program is what they are plugged into. Once one is
// connected it is asked who has an address; what it sends is shown.
//
//     netback_arping ADDRESS        e.g. netback_arping 10.9.0.2
#include <xenring/backend/netback.hpp>
#include <xenring/grant/domain.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <vector>

using namespace xenring;
namespace asio = boost::asio;

/// "Who has this address?", to everybody.
std::vector<std::byte> arp_request(const asio::ip::address_v4& wanted) {
    const auto to_byte = [](unsigned value) { return static_cast<std::byte>(value); };
    constexpr unsigned from_byte_12[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2};
    std::vector<std::byte> frame(42);
    std::fill_n(frame.begin(), 6, std::byte{0xff});
    std::fill_n(frame.begin() + 6, 1, std::byte{2}); // an address of our own
    std::ranges::transform(from_byte_12, frame.begin() + 12, to_byte);
    std::ranges::transform(wanted.to_bytes(), frame.begin() + 38, to_byte);
    return frame;
}

/// Shows the guest's frames, until netback's end of the socket pair is closed.
void show_frames(const std::shared_ptr<asio::posix::stream_descriptor>& socket) {
    socket->async_wait(asio::posix::stream_descriptor::wait_read, [socket](const error_code& ec) {
        net::virtio_header header;
        std::vector<std::byte> frame(net::max_frame_size);
        error_code lost;
        frame.resize(ec ? 0 : net::read_frame(socket->native_handle(), header, frame, lost));
        if (frame.empty())
            return;
        std::printf("%zu bytes from ", frame.size());
        for (std::size_t i = 6; i != 12; ++i)
            std::printf(i == 6 ? "%02x" : ":%02x", std::to_integer<unsigned>(frame[i]));
        std::puts("");
        std::fflush(stdout);
        show_frames(socket);
    });
}

/// What netback is to read and write: its end of a pair of packet sockets.
class cable final : public net::frame_port {
public:
    cable(const asio::any_io_executor& executor, std::string name, asio::ip::address_v4 wanted)
        : name_{std::move(name)}, wanted_{wanted}, theirs_{executor} {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
            throw_if(errno_code(errno), "socketpair");
        theirs_.assign(ends[0]);
        ours_ = std::make_shared<asio::posix::stream_descriptor>(executor, ends[1]);
        asio::post(executor, [ours = ours_] { show_frames(ours); });
    }
    std::string name() const override { return name_; }
    int open_queue(std::size_t, error_code&) override {
        return ::fcntl(theirs_.native_handle(), F_DUPFD_CLOEXEC, 0);
    }
    void set_offloads(const net::offloads&, error_code&) override {} // we send small, whole frames
    void set_carrier(bool up) noexcept override {
        error_code lost;
        if (up)
            net::write_frame(ours_->native_handle(), {}, arp_request(wanted_), lost);
    }

private:
    std::string name_;
    asio::ip::address_v4 wanted_;
    asio::posix::stream_descriptor theirs_;
    std::shared_ptr<asio::posix::stream_descriptor> ours_;
};

int main(int argc, char** argv) try {
    const auto wanted = asio::ip::make_address_v4(argc == 2 ? argv[1] : "");
    asio::io_context io;
    backend::netback::options options;
    options.bridge = "none"; // no hotplug script is waited for
    options.open_port = [&](const backend::device_names& names, error_code&) {
        return std::make_unique<cable>(io.get_executor(), names.label(), wanted);
    };
    options.log = [](bool, const std::string& text) { std::cerr << text << '\n'; };
    const auto serving = std::make_shared<backend::netback>(domain{io.get_executor()}, options);
    serving->start([](const error_code& ec) { std::cerr << "ended: " << ec.message() << '\n'; });
    io.run();
} catch (const std::exception& failure) {
    std::cerr << "netback_arping: " << failure.what() << '\n';
    return 1;
}
