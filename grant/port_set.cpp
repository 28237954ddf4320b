#include <xenring/grant/impl/poll_timeout.hpp>
#include <xenring/grant/port_set.hpp>
#include <xenring/grant/store_watch.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace xenring::detail {

using clock = std::chrono::steady_clock;

namespace {

/// False, with ec set, if the deadline passed or the descriptor cannot be polled.
bool poll_until(int descriptor, clock::time_point deadline, error_code& ec) noexcept {
    for (;;) {
        pollfd entry{descriptor, POLLIN, 0};
        const int ready = ::poll(&entry, 1, milliseconds_until(deadline));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR) {
            ec = errno_code(errno);
            return false;
        }
        if (ready == 0 && clock::now() >= deadline) {
            ec = errc::timed_out;
            return false;
        }
    }
}

} // namespace

/// The descriptor, the ports on it, and the one read that is under way while anybody waits.
class port_set_state : public std::enable_shared_from_this<port_set_state> {
public:
    port_set_state(boost::asio::any_io_executor executor, std::shared_ptr<hypervisor> machine,
                   std::unique_ptr<event_channel> channel)
        : machine_{std::move(machine)}, channel_{std::move(channel)},
          descriptor_{executor, channel_->native_handle()} {}

    ~port_set_state() { descriptor_.release(); }

    boost::asio::any_io_executor get_executor() noexcept { return descriptor_.get_executor(); }
    event_channel& channel() noexcept { return *channel_; }

    /// Binds and registers in one step: a new port may have an event at once, and whoever read it
    /// from the descriptor in between would know nobody to give it to, and leave the port masked.
    template <class Bind>
    std::shared_ptr<port_record> add(Bind bind, error_code& ec) {
        std::lock_guard lock{mutex_};
        const port own = bind(*channel_, ec);
        if (ec)
            return nullptr;
        auto record = std::make_shared<port_record>(own, get_executor());
        ports_.insert_or_assign(own.value, record);
        return record;
    }

    void remove(port_record& record) noexcept {
        std::lock_guard lock{mutex_};
        record.closed = true;
        wake(record);
        error_code ignored; // the port is gone either way
        channel_->unbind(record.number, ignored);
        const auto found = ports_.find(record.number.value);
        if (found != ports_.end() && found->second.get() == &record)
            ports_.erase(found);
    }

    void cancel(port_record& record) noexcept {
        std::lock_guard lock{mutex_};
        ++record.cancellations;
        wake(record);
    }

    std::uint64_t begin_wait(port_record& record) {
        std::lock_guard lock{mutex_};
        ++waits_;
        return record.cancellations;
    }

    void end_wait() {
        std::lock_guard lock{mutex_};
        if (--waits_ == 0 && reading_)
            descriptor_.cancel(); // an idle set must not keep the context running
    }

    wait_verdict look_or_park(port_record& record, event_ticket ticket, std::uint64_t cancellations,
                              park_function park, void* argument) {
        std::lock_guard lock{mutex_};
        if (record.closed || record.cancellations != cancellations)
            return {true, boost::asio::error::operation_aborted};
        if (auto verdict = look(record, ticket); verdict.finished)
            return verdict;
        park(argument, record.wake);
        read_on();
        return {};
    }

    /// True if the port ended the wait; false if poll(descriptor) said that it is over.
    template <class Poll>
    bool wait_while(port_record& record, event_ticket ticket, error_code& ec, Poll poll) {
        std::unique_lock lock{mutex_};
        for (;;) {
            if (auto verdict = look(record, ticket); verdict.finished) {
                ec = verdict.result;
                return true;
            }
            lock.unlock();
            if (!poll(channel_->native_handle()))
                return false;
            lock.lock();
            drain();
        }
    }

private:
    /// Finished if an event came or the set has failed; otherwise lets events through again.
    wait_verdict look(port_record& record, event_ticket ticket) noexcept {
        if (record.events.load() != ticket.count)
            return {true, {}};
        if (!failure_ && record.masked) {
            record.masked = false;
            channel_->unmask(record.number, failure_);
        }
        return {bool(failure_), failure_};
    }

    void read_on() {
        if (std::exchange(reading_, true))
            return;
        descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                               [self = shared_from_this()](error_code) { self->readable(); });
    }

    void readable() {
        std::lock_guard lock{mutex_};
        reading_ = false;
        drain();
        if (waits_ > 0 && !failure_)
            read_on();
    }

    /// Takes every event off the descriptor and wakes the waits on its port.
    void drain() noexcept {
        std::array<port, 64> fired;
        for (;;) {
            error_code ec;
            const auto count = channel_->read_pending(fired, ec);
            for (std::size_t i = 0; i < count; ++i)
                if (const auto found = ports_.find(fired[i].value); found != ports_.end())
                    note_event(*found->second);
            if (ec)
                return fail(ec);
            if (count < fired.size())
                return;
        }
    }

    static void note_event(port_record& record) noexcept {
        record.masked = true;
        ++record.events;
        wake(record);
    }

    void fail(error_code ec) noexcept {
        failure_ = ec;
        for (auto& [number, record] : ports_)
            wake(*record);
    }

    static void wake(port_record& record) noexcept {
        try {
            record.wake.cancel();
        } catch (...) {
            // cancel() of a timer never throws in practice; its signature allows it.
        }
    }

    std::mutex mutex_;
    std::shared_ptr<hypervisor> machine_;
    std::unique_ptr<event_channel> channel_;
    boost::asio::posix::stream_descriptor descriptor_;
    std::unordered_map<std::uint32_t, std::shared_ptr<port_record>> ports_;
    std::size_t waits_ = 0;
    bool reading_ = false;
    error_code failure_;
};

std::uint64_t begin_wait(port_set_state& set, port_record& record) {
    return set.begin_wait(record);
}

void end_wait(port_set_state& set) {
    set.end_wait();
}

wait_verdict look_or_park(port_set_state& set, port_record& record, event_ticket ticket,
                          std::uint64_t cancellations, park_function park, void* argument) {
    return set.look_or_park(record, ticket, cancellations, park, argument);
}

} // namespace xenring::detail

namespace xenring {

bound_port::bound_port(std::shared_ptr<detail::port_set_state> set,
                       std::shared_ptr<detail::port_record> record) noexcept
    : set_{std::move(set)}, record_{std::move(record)} {}

bound_port::bound_port(bound_port&&) noexcept = default;

bound_port& bound_port::operator=(bound_port&& other) noexcept {
    bound_port taken{std::move(other)};
    std::swap(set_, taken.set_);
    std::swap(record_, taken.record_);
    return *this;
}

bound_port::~bound_port() {
    if (record_)
        set_->remove(*record_);
}

port bound_port::number() const noexcept {
    return record_ ? record_->number : port{};
}

void bound_port::notify(error_code& ec) noexcept {
    set_->channel().notify(record_->number, ec);
}

void bound_port::notify() {
    error_code ec;
    notify(ec);
    throw_if(ec, "notify through port " + std::to_string(number().value));
}

event_ticket bound_port::seen() const noexcept {
    return {record_->events.load()};
}

void bound_port::wait_until(event_ticket ticket, std::chrono::steady_clock::time_point deadline,
                            error_code& ec) noexcept {
    ec.clear();
    set_->wait_while(*record_, ticket, ec,
                     [&](int descriptor) { return detail::poll_until(descriptor, deadline, ec); });
}

bound_port::woken_by bound_port::wait_until(event_ticket ticket,
                                            std::chrono::steady_clock::time_point deadline,
                                            store_watch& watch, watch_ticket told, error_code& ec) {
    ec.clear();
    if (set_->wait_while(*record_, ticket, ec, [&](int descriptor) {
            return watch.wait_beside(descriptor, told, deadline, ec);
        }))
        return woken_by::port;
    return ec == errc::timed_out ? woken_by::deadline : woken_by::watch;
}

void bound_port::cancel() noexcept {
    if (record_)
        set_->cancel(*record_);
}

port_set::port_set(boost::asio::any_io_executor executor, hypervisor& machine, error_code& ec) {
    ec.clear();
    if (auto channel = machine.open_event_channel(ec))
        state_ = std::make_shared<detail::port_set_state>(
            std::move(executor), machine.shared_from_this(), std::move(channel));
}

port_set::port_set(boost::asio::any_io_executor executor, hypervisor& machine)
    : state_{std::make_shared<detail::port_set_state>(
          std::move(executor), machine.shared_from_this(), machine.open_event_channel())} {}

boost::asio::any_io_executor port_set::get_executor() const noexcept {
    return state_->get_executor();
}

bound_port port_set::bind_unbound(domid remote, error_code& ec) {
    ec.clear();
    auto record =
        state_->add([&](event_channel& channel,
                        error_code& problem) { return channel.bind_unbound(remote, problem); },
                    ec);
    return ec ? bound_port{} : bound_port{state_, std::move(record)};
}

bound_port port_set::bind_unbound(domid remote) {
    error_code ec;
    auto bound = bind_unbound(remote, ec);
    throw_if(ec, "allocate an event channel for domain " + std::to_string(remote.value));
    return bound;
}

bound_port port_set::bind_interdomain(domid remote, port remote_port, error_code& ec) {
    ec.clear();
    auto record = state_->add(
        [&](event_channel& channel, error_code& problem) {
            return channel.bind_interdomain(remote, remote_port, problem);
        },
        ec);
    return ec ? bound_port{} : bound_port{state_, std::move(record)};
}

bound_port port_set::bind_interdomain(domid remote, port remote_port) {
    error_code ec;
    auto bound = bind_interdomain(remote, remote_port, ec);
    throw_if(ec, "bind to port " + std::to_string(remote_port.value) + " of domain " +
                     std::to_string(remote.value));
    return bound;
}

} // namespace xenring
