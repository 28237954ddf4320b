// Packets cost no memory from the heap once a path is set up, whichever way their bytes are copied.
#include "../counting_new.hpp"
#include "../net/frames.hpp"

#include <xenring/backend/rx_path.hpp>
#include <xenring/backend/tx_path.hpp>
#include <xenring/ring/netif_rx_parser.hpp>
#include <xenring/ring/netif_tx_builder.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace xenring::backend::test {
namespace {

namespace netif = ring::netif;

/// A hypervisor that does nothing by itself but to copy and to map: a grant reference is the number
/// of a page here. (The stand-in allocates in each grant copy.)
class page_machine final : public hypervisor {
public:
    static constexpr std::size_t page_count = 8;

    std::string_view kind() const noexcept override { return "pages"; }
    std::string description() const override { return "pages of this program"; }
    domid self() const noexcept override { return domid{0}; }
    std::unique_ptr<event_channel> open_event_channel(error_code&) override { return nullptr; }
    std::unique_ptr<store_pipe> open_store(error_code&) override { return nullptr; }
    void copy(std::span<copy_segment> segments, error_code&) noexcept override {
        for (auto& each : segments) {
            std::copy_n(place(each.source), each.length, place(each.destination));
            each.status = grant_status::okay;
        }
    }
    std::byte* page(std::uint32_t reference) { return pages_[reference].data(); }

private:
    struct alignas(page_size) memory : std::array<std::byte, page_size> {};

    template <class Byte>
    Byte* place(const std::variant<Byte*, granted_memory>& where) {
        if (const auto* const local = std::get_if<Byte*>(&where))
            return *local;
        const auto& granted = std::get<granted_memory>(where);
        return page(granted.reference.value) + granted.offset;
    }
    page_region do_share(domid, std::size_t, access, const unmap_notify&, std::vector<grant_ref>&,
                         error_code&) override {
        return {};
    }
    grant_end do_unshare(const page_region&) noexcept override { return grant_end::ended; }
    page_region do_map(std::span<const foreign_grant> grants, access, const unmap_notify&,
                       error_code&) override {
        return {page(grants.front().reference.value), 1, 1};
    }
    void do_unmap(const page_region&, error_code&) noexcept override {}

    std::array<memory, page_count> pages_{};
};

/// Both directions of a queue whose guest and whose wire are the test.
class backend_allocation_test : public testing::TestWithParam<bool> {
protected:
    static constexpr std::uint32_t tx_ring = 0, rx_ring = 1, data = 2;
    static constexpr std::size_t packets = 16, slots = 2; ///< in a round, of a packet

    backend_allocation_test() {
        if (GetParam())
            map_pages();
        const auto frame = net::test::udp_frame(5000);
        std::copy_n(frame.begin(), page_size, machine->page(data));
        std::copy(frame.begin() + page_size, frame.end(), machine->page(data + 1));
        bytes = frame;
    }
    static rx_path::traits traits_of_guest() {
        rx_path::traits out;
        out.scatter_gather = true;
        return out;
    }
    void map_pages() {
        std::vector<static_page> pages;
        for (std::uint32_t i = data; i != page_machine::page_count; ++i) {
            const foreign_grant page{domid{1}, grant_ref{i}};
            pages.emplace_back(grant_ref{i}, machine->map<access::read_write>(std::span{&page, 1}),
                               mapping_budget::part{});
        }
        grants.add(std::move(pages));
    }
    std::span<std::byte> memory(std::uint32_t reference) {
        return {machine->page(reference), page_size};
    }

    /// The guest has packets to send and buffers; frames are on the wire.
    void fill() {
        const auto size = static_cast<std::uint16_t>(bytes.size());
        const auto rest = static_cast<std::uint16_t>(size - page_size);
        for (std::size_t i = 0; i != packets; ++i) {
            ASSERT_TRUE(tx.push({data, 0, netif::tx_flag::more_data, 0, size}));
            ASSERT_TRUE(tx.push({data + 1, 0, 0, 1, rest}));
            for (std::uint16_t slot = 0; slot != slots; ++slot)
                ASSERT_TRUE(rx.push({slot, 0, data + 2 + slot}));
            error_code ec;
            net::write_frame(sockets.wire, {}, bytes, ec);
            ASSERT_FALSE(ec) << ec.message();
        }
        (void)tx.publish();
        (void)rx.publish();
    }
    /// Everything was answered and is on the wire.
    void empty() {
        std::size_t answers = 0, frames = 0;
        while (tx.pop())
            ++answers;
        while (rx.pop())
            ++answers;
        net::virtio_header header;
        std::vector<std::byte> room(net::max_frame_size);
        error_code ec;
        while (net::read_frame(sockets.wire, header, room, ec) == bytes.size())
            ++frames;
        EXPECT_EQ(answers, 2 * slots * packets);
        EXPECT_EQ(frames, packets);
    }

    std::shared_ptr<page_machine> machine = std::make_shared<page_machine>();
    struct socket_pair {
        int netback = -1, wire = -1;
        socket_pair() {
            int ends[2] = {-1, -1};
            EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                      0);
            netback = ends[0];
            wire = ends[1];
        }
        ~socket_pair() {
            close(netback);
            close(wire);
        }
        socket_pair(const socket_pair&) = delete;
        socket_pair& operator=(const socket_pair&) = delete;
    } sockets;
    std::vector<std::byte> bytes;
    static_grants grants{page_machine::page_count};
    copy_batch batch;
    vif_statistics counts;
    netif::tx_front_ring tx = netif::tx_front_ring::initialise(memory(tx_ring));
    netif::rx_front_ring rx = netif::rx_front_ring::initialise(memory(rx_ring));
    tx_path from_guest{*machine, domid{1},  memory(tx_ring), sockets.netback,
                       batch,    counts.tx, &grants};
    rx_path to_guest{*machine,          domid{1}, memory(rx_ring), sockets.netback,
                     traits_of_guest(), batch,    counts.rx,       &grants};
};

TEST_P(backend_allocation_test, PacketsOfBothDirectionsCostNone) {
    std::size_t counted = 0;
    for (int round = 0; round != 200; ++round) {
        ASSERT_NO_FATAL_FAILURE(fill());
        const auto before = xenring::test::allocations();
        error_code ec;
        while (from_guest.serve().more)
            ;
        while (to_guest.serve(ec).more)
            ;
        counted += xenring::test::allocations() - before;
        ASSERT_FALSE(ec) << ec.message();
        ASSERT_NO_FATAL_FAILURE(empty());
    }
    EXPECT_EQ(counted, 0U);
    EXPECT_EQ(counts.tx.packets, 200 * packets);
    EXPECT_EQ(counts.rx.packets, 200 * packets);
    EXPECT_EQ(counts.tx.copies == 0, GetParam());
    EXPECT_EQ(counts.rx.copies == 0, GetParam());
}

INSTANTIATE_TEST_SUITE_P(, backend_allocation_test, testing::Bool(), [](const auto& each) {
    return std::string{each.param ? "InStaticGrants" : "WithGrantCopies"};
});

} // namespace
} // namespace xenring::backend::test
