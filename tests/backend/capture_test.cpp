// What a vif's capture holds, and what its counters say.
#include "../net/frames.hpp"
#include "fixture.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace xenring::backend::test {
namespace {

using net::test::udp_frame;

class capture_test : public netback_test {
protected:
    capture_test() {
        auto name = (std::filesystem::temp_directory_path() / "capture.XXXXXX").string();
        directory = mkdtemp(name.data());
    }
    ~capture_test() override { std::filesystem::remove_all(directory); }

    void start_with(const std::string& path) {
        auto chosen = usual_options();
        chosen.capture.path = directory + '/' + path;
        start(std::move(chosen));
    }
    /// The guest sends a frame of so many bytes and gets one.
    void exchange(std::uint16_t number, guest_end& guest, std::size_t there, std::size_t back) {
        const auto label = "vif" + std::to_string(number) + ".0";
        ASSERT_TRUE(guest.send(udp_frame(there)));
        guest.post(1);
        guest.kick();
        ASSERT_TRUE(eventually([&] { return !wires.at(label)->receive().frame.empty(); })) << log;
        wires.at(label)->send(udp_frame(back));
        ASSERT_TRUE(eventually([&] { return !guest.receive().bytes.empty(); })) << log;
    }
    std::vector<std::vector<std::byte>> frames(const std::string& file) const {
        std::ifstream in{directory + '/' + file, std::ios::binary};
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        std::vector<std::vector<std::byte>> out;
        for (std::size_t at = 24; at + 16 <= text.size();) {
            std::uint32_t size = 0;
            std::memcpy(&size, text.data() + at + 8, sizeof size);
            const auto* const data = reinterpret_cast<const std::byte*>(text.data()) + at + 16;
            out.emplace_back(data, data + std::min<std::size_t>(size, text.size() - at - 16));
            at += 16 + size;
        }
        return out;
    }
    using frame_list = std::vector<std::vector<std::byte>>;

    std::string directory;
};

/// No file of this process grows beyond it as long as this lives.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit now{bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &now);
    }
    ~file_size_limit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, handler_);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;

private:
    sighandler_t handler_ = signal(SIGXFSZ, SIG_IGN);
    rlimit before_{};
};

TEST_F(capture_test, HoldsTheFramesOfBothDirections) {
    start_with("%v.pcap");
    exchange(1, connected(1), 100, 200);
    exchange(2, connected(2), 300, 400);
    EXPECT_EQ(frames("vif1.0.pcap"), (frame_list{udp_frame(100), udp_frame(200)}));
    EXPECT_EQ(frames("vif2.0.pcap"), (frame_list{udp_frame(300), udp_frame(400)}));
}

TEST_F(capture_test, OneFileMayServeAllVifs) {
    start_with("all.pcap");
    auto& first = connected(1);
    auto& second = connected(2);
    exchange(1, first, 100, 200);
    exchange(2, second, 300, 400);
    exchange(1, first, 500, 600);
    EXPECT_EQ(frames("all.pcap"), (frame_list{udp_frame(100), udp_frame(200), udp_frame(300),
                                              udp_frame(400), udp_frame(500), udp_frame(600)}));
}

TEST_F(capture_test, AFileThatCannotBeOpenedIsToldAndCostsNoFrame) {
    start_with("none/%v");
    exchange(1, connected(1), 100, 200);
    EXPECT_TRUE(logged("vif1.0: cannot capture to")) << log;
    EXPECT_TRUE(logged("No such file")) << log;
}

TEST_F(capture_test, AFileThatCannotGrowIsToldOnceAndCostsNoFrame) {
    const int small = memfd_create("capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ASSERT_GE(small, 0);
    std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(small), directory + "/small");
    start_with("small");
    auto& guest = connected(1);
    ASSERT_EQ(fcntl(small, F_ADD_SEALS, F_SEAL_GROW), 0); // the file's header is there
    exchange(1, guest, 100, 200);
    exchange(1, guest, 300, 400);
    EXPECT_TRUE(logged("vif1.0: the capture in")) << log;
    EXPECT_EQ(log.find("ends here"), log.rfind("ends here")) << log;
    EXPECT_TRUE(frames("small").empty());
    close(small);
}

/// A netback after one that was killed reads the requests that were not answered. The complaint
/// comes between two frames of a round.
TEST_F(capture_test, RequestsStayInTheRingUntilTheirRoundIsDone) {
    const auto frame = udp_frame(100);
    guest_end* guest = nullptr;
    const auto requests = [&guest] {
        const auto slots = guest->tx_memory().subspan(64, 3 * sizeof(netif::tx_request));
        return std::vector<std::byte>{slots.begin(), slots.end()};
    };
    std::vector<std::byte> then;
    auto chosen = usual_options();
    chosen.capture.path = directory + "/small";
    chosen.log = [this, &then, &requests](bool, const std::string& text) {
        log += text + '\n';
        if (text.find("ends here") != text.npos)
            then = requests();
    };
    start(std::move(chosen));
    guest = &connected(1);
    for (int i = 0; i != 3; ++i)
        ASSERT_TRUE(guest->send(frame));
    const auto before = requests();
    const file_size_limit only_one{24 + 16 + frame.size()};
    guest->kick();
    EXPECT_TRUE(eventually([&] { return guest->responses().size() == 3; })) << log;
    EXPECT_EQ(then, before) << log;
    EXPECT_NE(requests(), before) << "responses take their place";
}

TEST(vif_statistics_test, ShowEveryQueueOfEveryVif) {
    vif_statistics first, second;
    first.tx.packets = 5;
    first.tx.bytes = 700;
    first.tx.uncopied = 2;
    second.rx.events = 9;
    second.rx.static_segments = 3;
    const auto text = prometheus_text({{"vif3.0", 0, first}, {"vif3.0", 1, second}});
    EXPECT_NE(text.find("# TYPE xenring_vif_uncopied_total counter\n"), text.npos);
    EXPECT_NE(
        text.find("\nxenring_vif_uncopied_total{vif=\"vif3.0\",queue=\"0\",direction=\"tx\"} 2\n"),
        text.npos)
        << text;
    EXPECT_EQ(readable(text), "vif3.0 queue 0 tx 5 packets 700 bytes uncopied 2\n"
                              "vif3.0 queue 0 rx 0 packets 0 bytes\n"
                              "vif3.0 queue 1 tx 0 packets 0 bytes\n"
                              "vif3.0 queue 1 rx 0 packets 0 bytes static_segments 3 events 9\n");
}

TEST(vif_statistics_test, TakeNothingElseForACounter) {
    EXPECT_EQ(readable(""), "");
    EXPECT_EQ(readable("garbage\nxenring_vif_packets_total{vif=\"\n# HELP x\n"), "");
}

} // namespace
} // namespace xenring::backend::test
