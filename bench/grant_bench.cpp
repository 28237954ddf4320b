// grant_bench [--hypervisor SPECIFICATION] WHAT ...: what a domain asks of its hypervisor, of pages
// that it granted to itself: the stand-in, or Xen in dom0. Prints nanoseconds for one.
//
//     copy BATCH SIZE COUNT     a segment of a grant copy into private memory, BATCH in one call
//     mapped BATCH SIZE COUNT   the same bytes from a mapping that stays, by memcpy
//     map PAGES COUNT           a page's part of mapping PAGES at once, reading, and unmapping
//     notify COUNT              raise an event that nobody waits for yet
//     round-trip COUNT          an event there and one back between two threads that sleep:
//                               median and percentiles
//     eventfd COUNT             the same by two eventfds
#include "pinned.hpp"

#include <xenring/grant/hypervisor.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <system_error>

namespace {

using namespace xenring;
using namespace xenring::bench;

constexpr std::size_t pages = 16;

void check(const error_code& ec, const char* what) {
    if (ec)
        throw boost::system::system_error{ec, what};
}

/// Pages that this domain granted to itself.
class own_pages {
public:
    explicit own_pages(hypervisor& machine)
        : machine_{machine}, pages_{machine.share(machine.self(), pages, access::read_write)} {
        std::ranges::fill(pages_.bytes(), std::byte{0x5a});
    }

    foreign_grant grant(std::size_t page) const {
        return {machine_.self(), pages_.references()[page]};
    }
    mapped_pages<access::read_only> map(std::size_t count) const {
        std::array<foreign_grant, pages> grants;
        for (std::size_t i = 0; i != count; ++i)
            grants[i] = grant(i);
        return machine_.map<access::read_only>(std::span{grants}.first(count));
    }

private:
    hypervisor& machine_;
    granted_pages pages_;
};

struct amount {
    std::size_t batch, size;
    std::uint64_t count;
};

/// Where segment `number` begins in its page.
std::size_t offset_of(std::size_t number, std::size_t size) {
    return number / pages * size % (page_size - size + 1);
}

void expect_copied(std::span<const std::byte> bytes) {
    if (std::ranges::any_of(bytes, [](std::byte each) { return each != std::byte{0x5a}; }))
        throw std::runtime_error{"other bytes arrived"};
}

void copies(hypervisor& machine, const amount& of) {
    const own_pages source{machine};
    std::vector<std::byte> arrived(of.batch * of.size);
    std::vector<copy_segment> segments;
    for (std::size_t i = 0; i != of.batch; ++i) {
        const auto from = source.grant(i % pages);
        const auto offset = static_cast<std::uint16_t>(offset_of(i, of.size));
        segments.push_back({granted_memory{from.owner, from.reference, offset},
                            arrived.data() + i * of.size, static_cast<std::uint16_t>(of.size)});
    }
    error_code ec;
    print_time_of(of.count, [&] {
        for (std::uint64_t done = 0; done != of.count && !ec; done += of.batch)
            machine.copy(segments, ec);
    });
    check(ec, "copy");
    expect_copied(arrived);
}

void mapped_copies(hypervisor& machine, const amount& of) {
    const own_pages source{machine};
    const auto mapped = source.map(pages);
    std::vector<std::byte> arrived(of.batch * of.size);
    print_time_of(of.count, [&] {
        for (std::uint64_t done = 0; done != of.count; done += of.batch)
            for (std::size_t i = 0; i != of.batch; ++i)
                std::memcpy(arrived.data() + i * of.size,
                            &mapped.bytes()[i % pages * page_size + offset_of(i, of.size)],
                            of.size);
    });
    expect_copied(arrived);
}

void maps(hypervisor& machine, std::size_t page_count, std::uint64_t count) {
    const own_pages source{machine};
    print_time_of(count, [&] {
        for (std::uint64_t done = 0; done != count; done += page_count)
            expect_copied(source.map(page_count).bytes().first(64));
    });
}

void wait_for(int descriptor) {
    pollfd readable{descriptor, POLLIN, 0};
    while (::poll(&readable, 1, -1) < 0)
        if (errno != EINTR)
            throw std::system_error{errno, std::system_category(), "poll"};
}

/// One end of an event channel, on a descriptor of its own.
class event_end {
public:
    explicit event_end(hypervisor& machine) : events_{machine.open_event_channel()} {
        error_code ec;
        port_ = events_->bind_unbound(machine.self(), ec);
        check(ec, "bind_unbound");
    }
    event_end(hypervisor& machine, const event_end& peer) : events_{machine.open_event_channel()} {
        error_code ec;
        port_ = events_->bind_interdomain(machine.self(), peer.port_, ec);
        check(ec, "bind_interdomain");
    }

    void notify() {
        error_code ec;
        events_->notify(port_, ec);
        check(ec, "notify");
    }
    void wait() {
        std::array<port, 1> found;
        error_code ec;
        while (events_->read_pending(found, ec) == 0 && !ec)
            wait_for(events_->native_handle());
        events_->unmask(port_, ec);
        check(ec, "read_pending");
    }

private:
    std::unique_ptr<event_channel> events_;
    port port_;
};

/// The kernel's own event, for comparison.
class event_descriptor {
public:
    event_descriptor() : there_{::eventfd(0, EFD_NONBLOCK)}, back_{::eventfd(0, EFD_NONBLOCK)} {}
    explicit event_descriptor(const event_descriptor& peer, bool /*other end*/)
        : there_{peer.back_}, back_{peer.there_} {}

    void notify() { ::eventfd_write(there_, 1); }
    void wait() {
        for (eventfd_t value = 0; ::eventfd_read(back_, &value) != 0;)
            wait_for(back_);
    }

private:
    int there_, back_;
};

template <class End>
void round_trip(End& near, End& far, std::uint64_t count) {
    const auto other = beside([&] {
        for (std::uint64_t i = 0; i != count; ++i) {
            far.wait();
            far.notify();
        }
    });
    round_trips times(count);
    for (std::uint64_t i = 0; i != count; ++i) {
        near.notify();
        near.wait();
        times.lap();
    }
    times.print();
}

void events(hypervisor& machine, const std::string& what, std::uint64_t count) {
    event_end near{machine};
    event_end far{machine, near};
    far.wait(); // a fresh port is pending
    if (what == "round-trip")
        return round_trip(near, far, count);
    print_time_of(count, [&] {
        for (std::uint64_t i = 0; i != count; ++i)
            near.notify();
    });
    far.wait();
}

void measure(const std::vector<std::string>& words, const std::string& specification) {
    const auto number = [&words](std::size_t at) { return std::stoull(words.at(at)); };
    const auto& what = words.at(0);
    if (what == "eventfd") {
        event_descriptor near, far{near, true};
        return round_trip(near, far, number(1));
    }
    const auto machine = open_hypervisor(specification);
    if (what == "notify" || what == "round-trip")
        return events(*machine, what, number(1));
    if (what == "map") {
        const auto page_count = std::clamp<std::size_t>(number(1), 1, pages);
        return maps(*machine, page_count, std::max(number(2) / page_count, 1ULL) * page_count);
    }
    if (what != "copy" && what != "mapped")
        throw std::runtime_error{"copy, mapped, map, notify, round-trip or eventfd, not " + what};
    const auto batch = std::clamp<std::size_t>(number(1), 1, 1024);
    const auto size = std::clamp<std::size_t>(number(2), 1, page_size);
    const auto times = std::max<std::uint64_t>(1, number(3) / batch);
    (what == "copy" ? copies : mapped_copies)(*machine, {batch, size, times * batch});
}

} // namespace

int main(int argc, char** argv) try {
    std::vector<std::string> words(argv + 1, argv + argc);
    std::string specification;
    if (words.size() > 2 && words[0] == "--hypervisor") {
        specification = words[1];
        words.erase(words.begin(), words.begin() + 2);
    }
    use_cpu(0);
    measure(words, specification);
} catch (const std::out_of_range&) {
    std::fprintf(stderr, "usage: grant_bench [--hypervisor SPECIFICATION] WHAT NUMBER...\n");
    return 2;
} catch (const std::exception& wrong) {
    std::fprintf(stderr, "grant_bench: %s\n", wrong.what());
    return 1;
}
