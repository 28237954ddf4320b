// many_vchan listen|connect PEER_DOMID PATH CHANNELS ROUNDS SIZE: many vchans on one io_context, a
// message of SIZE bytes there and back on each ROUNDS times. The client prints messages/s; both
// tell on standard error how many events they sent meanwhile.
#include "many_channels.hpp"

#include <xenring/grant/domain.hpp>
#include <xenring/vchan/stream.hpp>

int main(int argc, char** argv) try {
    using namespace xenring;
    const bench::many_arguments chosen{argc, argv};
    boost::asio::io_context io;
    const domain here{io.get_executor()};
    vchan::options options;
    options.left_size = options.right_size = 0; // libxenvchan's default: rings within one page
    std::deque<vchan::stream> streams;
    for (std::size_t i = 0; i != chosen.channels; ++i) {
        const auto path = chosen.path + '/' + std::to_string(i);
        auto& each = streams.emplace_back(here);
        if (chosen.listens)
            each.listen(domid{chosen.peer}, path, options);
        else
            each.connect(domid{chosen.peer}, path, options);
    }
    if (chosen.listens) {
        bench::tell_ready();
        bench::answer_all(io, streams, chosen.size);
    } else {
        bench::ask_all(io, streams, chosen);
    }
    std::uint64_t events = 0;
    for (const auto& each : streams)
        events += each.stats().notifications;
    std::fprintf(stderr, "%ju events\n", static_cast<std::uintmax_t>(events));
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "many_vchan: %s\n", wrong.what());
    return 1;
}
