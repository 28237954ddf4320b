// many_unix listen|connect PEER_DOMID PATH CHANNELS ROUNDS SIZE: what many_vchan does, with UNIX
// sockets; PATH is a name of the abstract kind.
#include "many_channels.hpp"

#include <boost/asio/local/stream_protocol.hpp>

int main(int argc, char** argv) try {
    using namespace xenring::bench;
    using protocol = boost::asio::local::stream_protocol;
    const many_arguments chosen{argc, argv};
    const protocol::endpoint place{std::string(1, '\0') + chosen.path};
    boost::asio::io_context io;
    std::deque<protocol::socket> sockets;
    if (chosen.listens) {
        protocol::acceptor acceptor{io, place};
        tell_ready();
        while (sockets.size() != chosen.channels)
            sockets.push_back(acceptor.accept());
        answer_all(io, sockets, chosen.size);
    } else {
        while (sockets.size() != chosen.channels)
            sockets.emplace_back(io).connect(place);
        ask_all(io, sockets, chosen);
    }
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "many_unix: %s\n", wrong.what());
    return 1;
}
