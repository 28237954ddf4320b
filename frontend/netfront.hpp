#pragma once

/// A network interface for a program in a guest: the frontend of a vif.

#include <xenring/frontend/frames.hpp>
#include <xenring/frontend/hash_steering.hpp>
#include <xenring/frontend/statistics.hpp>
#include <xenring/frontend/vif_keys.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/ring/xenbus_state.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xenring::frontend {

namespace detail {
class netfront_core;
}

/// How a netfront behaves.
struct netfront_options {
    /// What the program does by itself to frames that it receives; the default is nothing, so that
    /// whole frames with whole checksums come.
    net::offloads takes;
    /// Whether received frames may be in several pieces: needed beyond 4096 bytes.
    bool scatter_gather = true;
    bool split_event_channels = true;
    /// Treat the backend as not trusted even if the toolstack trusts it: received frames are
    /// copied, and sent pages hold nothing but their frame.
    bool trust = true;
    /// Let the backend keep the pages mapped, if it wants to: then copying them costs it no call of
    /// the hypervisor (static grants, over the control ring; Linux's xen-netback does not).
    bool static_grants = true;
    /// Queues to have at most; a backend may offer fewer. Each has rings, event channels and an
    /// equal part of the pages.
    std::size_t queues = 1;
    /// Have the backend hold back multicast frames other than those of the groups that were joined
    /// (async_join()). One without multicast control sends all of them whatever is asked.
    bool filter_multicast = false;
    /// How the backend is to choose among our queues; nothing: as it likes. What becomes of it goes
    /// to `log`; the connection works anyway. See async_steer().
    std::optional<hash_steering> steering;
    /// Pages granted to the backend. Linux lets programs grant 1024 pages by default, all together.
    /// A frame of 64 KiB takes 17 of one queue's.
    std::size_t tx_pages = 256;
    std::size_t rx_pages = 256;
    /// Bytes left free before each frame to be sent; at most 4082.
    std::size_t headroom = 64;
    /// How long a backend gets to close its end.
    std::chrono::milliseconds close_limit{ring::xenbus_close_limit};
    /// Called on the executor when device() says something new of a live connection: the carrier
    /// that the backend reports, or the MTU that the toolstack set.
    std::function<void()> device_changed;
    /// Lines for people.
    std::function<void(bool trouble, const std::string&)> log;
};

/// Connects to the backend of vif N, and exchanges Ethernet frames with it. Speaks Linux's
/// xen-netback's protocol, as Linux's xen-netfront does, which must not serve the same device.
///
///     frontend::netfront net{here};
///     co_await net.async_connect(0, use_awaitable);
///     for (;;) {
///         auto frame = co_await net.async_receive(use_awaitable);
///         ...
///         auto answer = net.prepare(60);
///         answer.fill(bytes);
///         co_await net.async_send(std::move(answer), {}, use_awaitable);
///     }
///
/// Pages are granted when it connects and used again and again; nothing is granted per frame, and
/// prepare(), send() and receive() allocate nothing. A connection ends with condition::peer_gone
/// (the backend closed it, or the toolstack took the device away), or with
/// condition::peer_misbehaved (the backend broke a rule; problem() says which); then everything in
/// flight is lost, and async_connect() may be called again. A backend that is restarted under a
/// live connection goes on where the old one was, and nobody notices. A domain that was suspended
/// and resumed, maybe elsewhere, finds a new backend: what is in flight ends with
/// condition::peer_gone, the device connects to the new one by itself, and async_connect() tells
/// when it has.
///
/// A hostile backend can drop, delay, repeat and make up frames, and can end the connection;
/// nothing else, as long as received bytes are taken as what they are: anybody's.
///
/// The destructor ends everything that is in flight with operation_aborted and says nothing to the
/// backend; async_close() first is polite, and lets the next one connect at once.
///
/// Thread safety: everything on the domain's executor.
class netfront {
public:
    explicit netfront(const domain& here, netfront_options options = {});
    netfront(netfront&&) noexcept = default;
    netfront& operator=(netfront&&) noexcept = delete;
    ~netfront();

    using executor_type = boost::asio::any_io_executor;
    executor_type get_executor() const noexcept;

    /// Connects device `number`: void(error_code). Waits for a backend as long as it takes; a
    /// device that somebody left connected is closed first. Errors: ENOENT (no such device),
    /// errc::feature_missing, errc::device_keys_missing, errc::device_keys_malformed (problem()
    /// names the key), errc::grant_limit, already_started, operation_aborted after async_close().
    template <class Token>
    auto async_connect(std::uint32_t number, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::netfront_core> core, std::uint32_t device) {
                start_connect(core, device, std::move(handler));
            },
            token, core_, number);
    }

    /// Closes in order: void(error_code). A backend that does not answer has options::close_limit.
    template <class Token>
    auto async_close(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::netfront_core> core) {
                start_close(core, std::move(handler));
            },
            token, core_);
    }

    bool is_connected() const noexcept;
    /// What the toolstack and the backend say of the device; of the latest connection.
    const vif_backend_keys& device() const noexcept;
    /// How many queues the latest connection has; 1 before the first.
    std::size_t queue_count() const noexcept;
    /// Since the beginning, of all connections and queues.
    netfront_statistics statistics() const noexcept;
    /// The same of each queue, options::queues of them.
    const std::vector<netfront_statistics>& queue_statistics() const noexcept;
    /// What was wrong with the backend, in words.
    const std::string& problem() const noexcept;

    /// A frame of `size` bytes to be filled and sent, with room for options::headroom more at its
    /// front. Empty if there are too few pages right now (see async_wait_room()), if nothing is
    /// connected, or for a size that cannot be sent (more than 65535 bytes, or none).
    ///
    /// Frames with the same `flow` reach the backend in their order: they go by the same queue,
    /// number flow % queue_count(). Any number will do: see flow_of().
    outgoing_frame prepare(std::size_t size, std::size_t flow = 0);

    /// A number for the connection that a frame belongs to: a hash of the addresses, and of TCP's
    /// ports, that is the same in both directions. 0 if it is not IP.
    static std::size_t flow_of(std::span<const std::byte> frame) noexcept;

    /// Sends a frame now, whatever becomes of it then; it is empty afterwards. An error leaves it
    /// as it is: would_block (see async_wait_room()), message_size (EMSGSIZE), EINVAL (shorter than
    /// an Ethernet header, of another connection), errc::feature_missing (segmentation, a blank
    /// checksum, or several pieces that the backend did not offer to take), or why nothing is
    /// connected.
    void send(outgoing_frame& frame, const ring::netif::packet_info& info, error_code& ec);

    /// Joins a multicast group: void(error_code), when the backend has said so. The list is kept,
    /// each backend that we connect to is told of all of it, and it says whose frames come if
    /// options::filter_multicast is on. Without a connection: done at once, for the next one. One
    /// join or leave at a time. Cancelled by every cancellation type, which ends the wait only.
    ///
    /// Errors: EINVAL (no multicast address), ENOBUFS (64 are joined, or the backend refuses this
    /// one: it is not in the list), already_started; errc::feature_missing (the backend has no
    /// multicast control and sends all of them; it is in the list), condition::peer_gone and
    /// others (the connection ended first; it is in the list). One of an earlier connection that
    /// the backend refuses goes to options::log. A hostile backend can say anything and send
    /// anything.
    template <class Token>
    auto async_join(const ring::netif::mac_address& group, Token&& token) {
        return change_group(true, group, std::forward<Token>(token));
    }
    /// Leaves one: likewise. One that was not joined is no error.
    template <class Token>
    auto async_leave(const ring::netif::mac_address& group, Token&& token) {
        return change_group(false, group, std::forward<Token>(token));
    }

    /// Changes options::filter_multicast. Errors: errc::feature_missing (the backend looks at it
    /// only when we connect, or never: it is for the next connection).
    void filter_multicast(bool on, error_code& ec);

    /// Changes options::steering: void(error_code), when the backend has taken all of it. Kept for
    /// later connections; without one: done at once. One at a time. Cancelled by every cancellation
    /// type, which ends the wait only.
    ///
    /// Errors: errc::feature_missing (no control ring: the backend has none, or options had neither
    /// static_grants nor steering when we connected), EINVAL (a mapping of more than 1024 entries,
    /// or something that the backend does not allow), ENOTSUP and EMSGSIZE (the backend's, too),
    /// already_started, and why the connection ended. After a refusal the backend steers as it
    /// likes.
    template <class Token>
    auto async_steer(std::optional<hash_steering> how, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::netfront_core> core,
               std::optional<hash_steering> wanted) {
                start_steer(core, std::move(wanted), std::move(handler));
            },
            token, core_, std::move(how));
    }

    /// The next frame that is there, by any queue; empty if there is none. Errors: why nothing is
    /// connected.
    received_frame receive(error_code& ec);

    /// Waits until prepare(size, flow) and send() find room: void(error_code). One at a time for
    /// each queue. Cancelled by every cancellation type.
    template <class Token>
    auto async_wait_room(std::size_t size, std::size_t flow, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::netfront_core> core, std::size_t bytes,
               std::size_t which) { start_wait_room(core, which, bytes, 0, std::move(handler)); },
            token, core_, size, flow);
    }
    /// For flow 0.
    template <class Token>
    auto async_wait_room(std::size_t size, Token&& token) {
        return async_wait_room(size, 0, std::forward<Token>(token));
    }

    /// Waits until receive() is worth a try: void(error_code). Likewise.
    template <class Token>
    auto async_wait_frame(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::netfront_core> core) {
                start_wait_frame(core, std::move(handler));
            },
            token, core_);
    }

    /// Receives a frame: void(error_code, received_frame). One at a time. Cancelled by every
    /// cancellation type; no frame is lost by that.
    template <class Token>
    auto async_receive(Token&& token) {
        return boost::asio::async_compose<Token, void(error_code, received_frame)>(
            receive_operation{core_, {}, {}}, token, get_executor());
    }

    /// Sends a frame as soon as there is room: void(error_code). One at a time for each queue, no
    /// async_wait_room() beside it. Errors: as send().
    template <class Token>
    auto async_send(outgoing_frame frame, const ring::netif::packet_info& info, Token&& token) {
        return boost::asio::async_compose<Token, void(error_code)>(
            send_operation{core_, std::move(frame), info, {}, false}, token, get_executor());
    }

private:
    using core_pointer = std::shared_ptr<detail::netfront_core>;
    using done_handler = boost::asio::any_completion_handler<void(error_code)>;

    static void start_connect(const core_pointer& core, std::uint32_t device, done_handler handler);
    static void start_close(const core_pointer& core, done_handler handler);
    /// `slots`: of a frame that is made already; 0: there is room to be for a new one.
    static void start_wait_room(const core_pointer& core, std::size_t flow, std::size_t size,
                                std::size_t slots, done_handler handler);
    static void start_wait_frame(const core_pointer& core, done_handler handler);
    static void start_change_group(const core_pointer& core, bool joined,
                                   const ring::netif::mac_address& group, done_handler handler);
    static void start_steer(const core_pointer& core, std::optional<hash_steering> how,
                            done_handler handler);
    static received_frame take(detail::netfront_core& core, error_code& ec);
    static void put(detail::netfront_core& core, outgoing_frame& frame,
                    const ring::netif::packet_info& info, error_code& ec);

    template <class Token>
    auto change_group(bool joined, const ring::netif::mac_address& group, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<detail::netfront_core> core, bool joins,
               const ring::netif::mac_address& which) {
                start_change_group(core, joins, which, std::move(handler));
            },
            token, core_, joined, group);
    }

    /// Tries, and waits as long as that is of no avail; completes never within its initiation.
    struct receive_operation {
        core_pointer core;
        received_frame frame;
        error_code result;
        enum { starting, waiting, finishing } stage = starting;

        template <class Self>
        void operator()(Self& self, error_code ec = {}) {
            if (stage == finishing)
                return finish(self);
            const bool first = std::exchange(stage, waiting) == starting;
            if (first)
                self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            result = ec;
            if (!result)
                frame = take(*core, result);
            if (frame || result) {
                if (!first)
                    return finish(self);
                stage = finishing;
                return boost::asio::post(std::move(self));
            }
            const auto keep = core;
            start_wait_frame(keep, std::move(self));
        }
        template <class Self>
        void finish(Self& self) {
            core.reset();
            self.complete(result, std::move(frame));
        }
    };

    struct send_operation {
        core_pointer core;
        outgoing_frame frame;
        ring::netif::packet_info info;
        error_code result;
        bool finishing;
        bool started = false;

        template <class Self>
        void operator()(Self& self, error_code ec = {}) {
            if (finishing)
                return finish(self);
            const bool first = !std::exchange(started, true);
            if (first)
                self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            result = ec;
            if (!result)
                put(*core, frame, info, result);
            if (result != boost::asio::error::would_block) {
                if (!first)
                    return finish(self);
                finishing = true;
                return boost::asio::post(std::move(self));
            }
            const auto keep = core;
            start_wait_room(keep, frame.queue(), 0, frame.pieces().size(), std::move(self));
        }
        template <class Self>
        void finish(Self& self) {
            core.reset();
            frame = {};
            self.complete(result);
        }
    };

    core_pointer core_;
};

} // namespace xenring::frontend
