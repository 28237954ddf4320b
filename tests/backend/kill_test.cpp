// A netback that is killed before any frame that it moves, and the next one: every request is
// answered once, and what is lost or comes twice is what docs/netback.md says.
//
// In a program of its own: the calls of the C library by which a process moves frames are replaced,
// so that a thread can end at each of them.
#include "../net/frames.hpp"
#include "fixture.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

namespace {

/// Called on the thread that set it, around the calls below where they move frames.
thread_local std::function<void()> before_frame;

/// Whether io_uring is there.
std::atomic<bool> frames_move_together = false;

void tell_of_call(const iovec* parts) {
    if (before_frame && parts->iov_len == sizeof(xenring::net::virtio_header))
        before_frame();
}

} // namespace

extern "C" ssize_t readv(int file, const iovec* parts, int count) {
    tell_of_call(parts);
    return syscall(SYS_readv, file, parts, count);
}
extern "C" ssize_t writev(int file, const iovec* parts, int count) {
    tell_of_call(parts);
    return syscall(SYS_writev, file, parts, count);
}
extern "C" int io_uring_queue_init(unsigned entries, struct io_uring* ring, unsigned flags) {
    if (!frames_move_together)
        return -ENOSYS;
    const auto original =
        reinterpret_cast<decltype(&io_uring_queue_init)>(dlsym(RTLD_NEXT, "io_uring_queue_init"));
    return original(entries, ring, flags);
}
extern "C" int io_uring_submit_and_wait_timeout(struct io_uring* ring, struct io_uring_cqe** end,
                                                unsigned count, struct __kernel_timespec* limit,
                                                sigset_t* mask) {
    const auto original = reinterpret_cast<decltype(&io_uring_submit_and_wait_timeout)>(
        dlsym(RTLD_NEXT, "io_uring_submit_and_wait_timeout"));
    if (before_frame)
        before_frame();
    const int result = original(ring, end, count, limit, mask);
    if (before_frame)
        before_frame();
    return result;
}

namespace xenring::backend::test {
namespace {

using net::test::frame_bytes;
using net::test::udp_frame;

/// A netback on a thread of its own which ends before its nth call for a frame: the hypervisor
/// takes back what it held, and the thread does nothing more.
class mortal_netback {
public:
    mortal_netback(local::machine& machine, netback::options options, unsigned nth)
        : program_{machine.open(domid{0})}, left_{nth}, netback_{std::make_shared<netback>(
                                                            domain{io_.get_executor(), program_},
                                                            std::move(options))},
          thread_{[this] { run(); }} {}
    /// Only now the thread goes on, so nobody may look at what it shares any more.
    ~mortal_netback() {
        io_.stop();
        {
            const std::scoped_lock lock{mutex_};
            released_ = true;
        }
        changed_.notify_all();
        thread_.join();
        local::kill_process(*program_);
    }
    mortal_netback(const mortal_netback&) = delete;
    mortal_netback& operator=(const mortal_netback&) = delete;

    bool is_dead() const noexcept { return dead_; }

private:
    void run() {
        before_frame = [this] {
            if (--left_ == 0)
                die();
        };
        netback_->start({});
        const auto work = boost::asio::make_work_guard(io_);
        io_.run();
        before_frame = nullptr;
    }
    void die() {
        local::kill_process(*program_);
        dead_ = true;
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return released_; });
    }

    std::shared_ptr<hypervisor> program_;
    boost::asio::io_context io_;
    unsigned left_;
    std::atomic<bool> dead_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool released_ = false;
    std::shared_ptr<netback> netback_;
    std::thread thread_;
};

/// What has come to the two ends of a vif.
struct arrivals {
    std::map<std::uint16_t, int> answers; ///< to requests, by their ids
    std::map<frame_bytes, int> outside;   ///< frames of the guest
    std::vector<frame_bytes> inside;      ///< frames to the guest
    int answered() const {
        return std::accumulate(answers.begin(), answers.end(), 0,
                               [](int sum, const auto& each) { return sum + each.second; });
    }
};

class kill_test : public netback_test, public testing::WithParamInterface<bool> {
protected:
    kill_test() { frames_move_together = GetParam(); }

    static constexpr std::size_t packets = 10, incoming = 6;
    static frame_bytes outgoing_frame(std::size_t index) { return udp_frame(200 + 500 * index); }
    static frame_bytes incoming_frame(std::size_t index) { return udp_frame(100 + index); }

    /// Every netback opens the wire that is there, as it would the TAP.
    netback::options with_lasting_wires() {
        auto chosen = usual_options();
        chosen.log = nullptr; // of two threads
        chosen.open_port = [this](const device_names& names, error_code&) {
            const auto there = wires.find(names.label());
            return std::make_unique<socket_port>(there ? there : wires.add(names.label()));
        };
        return chosen;
    }

    void collect() {
        for (const auto& each : guest->responses()) {
            ++seen.answers[each.id];
            EXPECT_EQ(each.status, netif::response_status::okay);
        }
        for (auto frame = guest->receive().bytes; !frame.empty(); frame = guest->receive().bytes)
            seen.inside.push_back(std::move(frame));
        if (const auto there = wires.find(label))
            for (auto frame = there->receive().frame; !frame.empty();
                 frame = there->receive().frame)
                ++seen.outside[frame];
    }

    /// As a guest that sleeps until it is told, which is true then.
    std::shared_ptr<bool> sleep() {
        auto woken = std::make_shared<bool>(false);
        guest->port.async_wait(guest->port.seen(), [woken](const error_code& ec) { *woken = !ec; });
        return woken;
    }

    /// Frames wait before there are buffers for them, which come with the requests: then each
    /// direction is one round. `silent`: the first event that it would raise then it does not, as
    /// one that is killed just before. True: it was killed.
    bool serve_until_killed(std::uint16_t number, mortal_netback& mortal, bool silent) {
        label = "vif" + std::to_string(number) + ".0";
        make_vif(number);
        EXPECT_TRUE(reaches(number, "2"));
        guest = std::make_unique<guest_end>(guests.at(number), 0);
        const auto woken = sleep();
        guest->connect();
        script_done(number);
        EXPECT_TRUE(eventually([&] { return *woken && state(number) == "4"; }));
        (void)sleep();
        for (std::size_t i = 0; i != incoming; ++i)
            wires.at(label)->send(incoming_frame(i));
        for (std::size_t i = 0; i != packets; ++i)
            EXPECT_TRUE(guest->send(outgoing_frame(i), {}, 1000)); // of up to five slots
        guest->post(incoming + 3);
        slots = guest->tx.in_flight();
        EXPECT_FALSE(guest->tx.arm(1));
        EXPECT_FALSE(guest->rx.arm(1));
        if (silent)
            machine.faults().fail(local::call::notify, 2); // the first is the guest's
        guest->kick();
        EXPECT_TRUE(eventually([&] {
            if (!mortal.is_dead())
                collect();
            return mortal.is_dead() ||
                   (seen.inside.size() == incoming && seen.answered() == static_cast<int>(slots));
        }));
        return mortal.is_dead();
    }

    /// Until a frame that is sent last has arrived, and every request was answered.
    void expect_the_rest(killable_netback& next) {
        const auto last = udp_frame(1000);
        EXPECT_TRUE(eventually(next, [&] { return !wires.at(label)->waits(0); }));
        wires.at(label)->send(last);
        EXPECT_TRUE(eventually(next, [&] {
            collect();
            return seen.answered() >= static_cast<int>(slots) && !seen.inside.empty() &&
                   seen.inside.back() == last;
        }));
        seen.inside.pop_back();
        EXPECT_EQ(seen.answers.size(), slots);
        for (const auto& [id, times] : seen.answers)
            EXPECT_EQ(times, 1) << "id " << id;
    }
    /// Written to the port and not answered: once more. Answered: never again. How many that were.
    std::size_t expect_no_more_than_repeated(const arrivals& before) const {
        std::size_t repeated = 0;
        EXPECT_EQ(seen.outside.size(), packets);
        for (const auto& [frame, times] : seen.outside) {
            const bool again = before.outside.contains(frame) && before.answers.empty();
            EXPECT_EQ(times, again ? 2 : 1);
            repeated += again;
        }
        return repeated;
    }
    /// Read from the port and not delivered: the first ones, and no other. How many that were.
    std::size_t expect_no_more_than_lost(const arrivals& before) const {
        EXPECT_LE(seen.inside.size(), incoming);
        const auto lost = incoming - seen.inside.size();
        EXPECT_TRUE(lost == 0 || before.inside.empty());
        for (auto expected = lost; const auto& frame : seen.inside)
            EXPECT_EQ(frame, incoming_frame(expected++)) << "in order, none twice";
        return lost;
    }

    std::string label;
    std::unique_ptr<guest_end> guest;
    std::size_t slots = 0;
    arrivals seen;
};

TEST_P(kill_test, BeforeAnyFrameEveryRequestIsAnsweredOnceByThisNetbackOrTheNext) {
    std::size_t repeated = 0, lost = 0;
    unsigned nth = 1;
    for (bool killed = true; killed && nth != 200; ++nth)
        for (const bool silent : {false, true}) {
            SCOPED_TRACE(nth);
            const auto number = static_cast<std::uint16_t>(2 * nth + silent);
            seen = {};
            open_guest(number);
            mortal_netback mortal{machine, with_lasting_wires(), nth};
            killed = serve_until_killed(number, mortal, silent);
            machine.faults().clear();
            if (!killed)
                break;
            collect();
            const auto before = seen;
            const auto told = sleep();
            killable_netback next{machine, with_lasting_wires()};
            EXPECT_TRUE(eventually(next, [&] { return *told; })) << "an event may be lost, too";
            expect_the_rest(next);
            repeated += expect_no_more_than_repeated(before);
            lost += expect_no_more_than_lost(before);
            unplug(number);
            guest->write_state("6");
            EXPECT_TRUE(eventually(next, [&] { return state(number) == "6"; }));
            dom0.store().remove(backend(number));
        }
    if (!GetParam()) {
        EXPECT_GT(nth, packets + incoming) << "each frame is a call";
    }
    EXPECT_LT(nth, 200U) << "one came to the end of it";
    EXPECT_GT(repeated, 0U);
    EXPECT_GT(lost, 0U);
}

INSTANTIATE_TEST_SUITE_P(, kill_test, testing::Bool(), [](const auto& each) {
    return each.param ? "FramesTogether" : "FramesOneByOne";
});

} // namespace
} // namespace xenring::backend::test
