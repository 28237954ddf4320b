#include <xenring/net/frame_burst.hpp>
#include <xenring/net/frame_port.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#ifdef XENRING_HAS_LIBURING
#include <liburing.h>
#endif

namespace xenring::net {
namespace {

constexpr auto header_size = static_cast<int>(sizeof(virtio_header));

error_code error_of(int result) noexcept {
    if (result >= 0)
        return {};
    return errno_code(result == -ECANCELED ? EAGAIN : -result);
}

} // namespace

#ifdef XENRING_HAS_LIBURING

/// A descriptor that has nothing, or takes nothing, does not fail a request of io_uring: it puts it
/// off, and flags against that are refused by a TAP before Linux 6.5. So the last request of each
/// call cancels what was put off, and afterwards nothing is under way.
struct frame_burst::ring {
    static std::unique_ptr<ring> open() {
        auto made = std::make_unique<ring>();
        if (!made->usable())
            return nullptr;
        return made;
    }

    ring() : opened_{io_uring_queue_init(2 * most, &queue_, 0) == 0} {}
    ~ring() {
        if (opened_)
            io_uring_queue_exit(&queue_);
    }
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;

    void write(int descriptor, std::span<moving_frame> frames) noexcept {
        move(
            descriptor, frames,
            [=](io_uring_sqe* request, const iovec* parts) {
                io_uring_prep_writev(request, descriptor, parts, 2, 0);
            },
            [=](std::uint64_t index, int result) { frames[index].error = error_of(result); });
    }

    std::size_t read(int descriptor, std::span<moving_frame> frames, error_code& ec) noexcept {
        std::size_t count = 0;
        move(
            descriptor, frames,
            [=](io_uring_sqe* request, const iovec* parts) {
                io_uring_prep_readv(request, descriptor, parts, 2, 0);
            },
            [&](std::uint64_t index, int result) {
                if (result > header_size)
                    arrived_[count++] = {
                        headers_[index],
                        frames[index].bytes.first(static_cast<std::size_t>(result - header_size)),
                        {}};
                else if (const auto error = error_of(result); error && error != errno_code(EAGAIN))
                    ec = error;
            });
        std::copy_n(arrived_.begin(), count, frames.begin());
        return count;
    }

private:
    static constexpr std::uint64_t cancelling = most;

    /// Does with each frame what `prepare(request, parts)` says, and tells `ended(index, result)`,
    /// in the order in which they ended.
    template <class Prepare, class Ended>
    void move(int descriptor, std::span<moving_frame> frames, Prepare prepare,
              Ended ended) noexcept {
        for (std::size_t i = 0; i != frames.size(); ++i) {
            auto& parts = parts_[i];
            headers_[i] = frames[i].header;
            parts[0] = {&headers_[i], sizeof headers_[i]};
            parts[1] = {frames[i].bytes.data(), frames[i].bytes.size()};
            auto* const request = io_uring_get_sqe(&queue_);
            prepare(request, parts.data());
            io_uring_sqe_set_data64(request, i);
        }
        cancel(descriptor);
        for (std::size_t left = frames.size(); left != 0;) {
            left -= settle(left + 1, ended);
            if (left != 0 && io_uring_sq_ready(&queue_) == 0)
                cancel(descriptor);
        }
    }

    /// Old kernels cannot cancel by descriptor.
    bool usable() noexcept {
        int result = -EINVAL;
        if (opened_) {
            auto* const request = io_uring_get_sqe(&queue_);
            io_uring_prep_cancel_fd(request, 0, IORING_ASYNC_CANCEL_ALL);
            io_uring_sqe_set_data64(request, 0);
            settle(1, [&](std::uint64_t, int how) { result = how; });
        }
        return result >= 0 || result == -ENOENT;
    }

    void cancel(int descriptor) noexcept {
        auto* const request = io_uring_get_sqe(&queue_);
        io_uring_prep_cancel_fd(request, descriptor, IORING_ASYNC_CANCEL_ALL);
        io_uring_sqe_set_data64(request, cancelling);
    }

    /// Submits, waits for that many ends, and gives how many of them were frames'. That they come
    /// is a matter of the kernel's work alone; the limit is for one that puts a request off again.
    template <class Ended>
    std::size_t settle(std::size_t count, Ended ended) noexcept {
        __kernel_timespec limit{.tv_sec = 0, .tv_nsec = 10'000'000};
        io_uring_cqe* end = nullptr;
        io_uring_submit_and_wait_timeout(&queue_, &end, static_cast<unsigned>(count), &limit,
                                         nullptr);
        std::size_t frames = 0;
        unsigned taken = 0, at = 0;
        io_uring_for_each_cqe(&queue_, at, end) {
            ++taken;
            if (end->user_data == cancelling)
                continue;
            ++frames;
            ended(end->user_data, end->res);
        }
        io_uring_cq_advance(&queue_, taken);
        return frames;
    }

    io_uring queue_{};
    bool opened_;
    std::array<std::array<iovec, 2>, most> parts_{};
    std::array<virtio_header, most> headers_{};
    std::array<moving_frame, most> arrived_{};
};

#else

struct frame_burst::ring {
    static std::unique_ptr<ring> open() { return nullptr; }
    void write(int, std::span<moving_frame>) noexcept {}
    std::size_t read(int, std::span<moving_frame>, error_code&) noexcept { return 0; }
};

#endif

frame_burst::frame_burst(calls wanted)
    : ring_{wanted == calls::as_few_as_possible ? ring::open() : nullptr} {}

frame_burst::~frame_burst() = default;

void frame_burst::write(int descriptor, std::span<moving_frame> frames) noexcept {
    for (; ring_ && frames.size() > 1; frames = frames.subspan(std::min(frames.size(), most)))
        ring_->write(descriptor, frames.first(std::min(frames.size(), most)));
    for (auto& each : frames)
        write_frame(descriptor, each.header, each.bytes, each.error);
}

std::size_t frame_burst::read(int descriptor, std::span<moving_frame> frames,
                              error_code& ec) noexcept {
    ec.clear();
    if (ring_ && frames.size() > 1)
        return ring_->read(descriptor, frames, ec);
    std::size_t count = 0;
    for (auto& each : frames) {
        const auto size = read_frame(descriptor, each.header, each.bytes, ec);
        if (size == 0)
            break;
        each.bytes = each.bytes.first(size);
        ++count;
    }
    return count;
}

} // namespace xenring::net
