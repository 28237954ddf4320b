// As a fuzz target: cmake -DXENRING_FUZZ=ON with clang builds vchan_page_fuzzer. The ordinary build
// feeds it pseudo-random pages: vchan_page_fuzz_test.cpp.
#include "vchan_page_fuzz.hpp"

#include <xenring/ring/vchan_endpoint.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace xenring::ring::test {
namespace {

/// The page, and nothing behind it.
struct alignas(page_size) control_memory {
    std::array<std::byte, page_size> bytes{};
};

/// Takes the input apart; zeros behind its end.
class reader {
public:
    explicit reader(std::span<const std::uint8_t> input) : rest_{input} {}

    bool at_end() const { return rest_.empty(); }
    std::uint8_t byte() {
        if (rest_.empty())
            return 0;
        const auto value = rest_.front();
        rest_ = rest_.subspan(1);
        return value;
    }
    std::size_t word() {
        const std::size_t low = byte();
        return low | std::size_t{byte()} << 8;
    }

private:
    std::span<const std::uint8_t> rest_;
};

/// One attached side, a step at a time. What is not true any more is the answer of `broken`.
class attached {
public:
    attached(vchan_page page, vchan_role role, vchan_geometry geometry, std::span<std::byte> left,
             std::span<std::byte> right)
        : page_{page}, role_{role}, out_ring_{role == vchan_role::client ? left : right},
          in_ring_{role == vchan_role::client ? right : left}, output_{page, role, out_ring_},
          input_{page, role, in_ring_} {
        require(output_.capacity() == vchan_ring_size(role == vchan_role::client
                                                          ? geometry.left_order
                                                          : geometry.right_order),
                "the output is not as large as its order says");
        check();
    }

    void step(reader& program) {
        switch (program.byte() % 8) {
        case 0:
            return write(program.word());
        case 1:
            return read(program.word());
        case 2:
            if (!output_.arm(1 + program.word() % output_.capacity()))
                require(output_.fault() == fault::none, "sleeps on a poisoned output");
            break;
        case 3:
            if (!input_.arm(1 + program.word() % input_.capacity()))
                require(input_.fault() == fault::none, "sleeps on a poisoned input");
            break;
        case 4:
            look();
            break;
        case 5: // the peer writes over a byte
            scribble(program.word() % page_size, program.byte());
            break;
        case 6: // ... over a byte of the fixed part
            scribble(program.byte() % vchan_references_offset, program.byte());
            break;
        default: // ... and moves its index as a peer may
            move_peer(program.word());
        }
        check();
    }

    const char* broken() const { return broken_; }

private:
    void require(bool holds, const char* what) {
        if (!holds && !broken_)
            broken_ = what;
    }

    template <class Spans>
    void check_spans(const Spans& spans, std::span<const std::byte> ring, std::size_t most) {
        require(spans.size() <= most, "more bytes than there can be");
        for (const auto& part : {spans.first, spans.second})
            require(part.empty() || (part.data() >= ring.data() &&
                                     part.data() + part.size() <= ring.data() + ring.size()),
                    "bytes outside the ring");
    }

    void write(std::size_t want) {
        const auto room = output_.prepare(want);
        check_spans(room, out_ring_, std::min(want, output_.capacity()));
        for (const auto& part : {room.first, room.second})
            std::fill(part.begin(), part.end(), std::byte{0x5a});
        output_.commit(room.size());
        (void)output_.publish();
        require(output_.unpublished() == 0, "bytes that publish() held back");
        check();
    }

    void read(std::size_t want) {
        const auto there = input_.data(want);
        check_spans(there, in_ring_, input_.capacity());
        for (const auto& part : {there.first, there.second})
            for (const auto byte : part)
                sum_ = sum_ + std::to_integer<unsigned>(byte);
        input_.consume(std::min(want, there.size()));
        (void)input_.publish();
        require(input_.unpublished() == 0, "space that publish() held back");
        check();
    }

    void look() {
        const bool open = output_.peer_open();
        require(!open || output_.fault() != fault::bad_live_byte || poisoned_output_,
                "a live byte that means nothing is open");
        if (input_.ended())
            require(input_.available() == 0 && input_.fault() == fault::none,
                    "an end with bytes left, or of a broken ring");
        (void)output_.drained();
        if (role_ == vchan_role::server)
            (void)page_.mark_client_seen();
        else
            page_.connect();
    }

    void scribble(std::size_t offset, std::uint8_t value) {
        std::memcpy(reinterpret_cast<std::byte*>(&page_.control()) + offset, &value, 1);
    }

    void move_peer(std::size_t by) {
        auto& control = page_.control();
        auto& incoming = role_ == vchan_role::client ? control.right : control.left;
        auto& outgoing = role_ == vchan_role::client ? control.left : control.right;
        incoming.prod += static_cast<std::uint32_t>(by % (in_ring_.size() + 2));
        outgoing.cons = outgoing.prod;
    }

    /// What holds whatever the peer does.
    void check() {
        require(output_.free() <= output_.capacity(), "more space than the ring has");
        require(input_.available() <= input_.capacity(), "more bytes than the ring has");
        if (output_.fault() != fault::none)
            require(output_.free() == 0 && output_.prepare(1).empty(), "a poisoned output works");
        if (input_.fault() != fault::none)
            require(input_.available() == 0 && input_.data().empty(), "a poisoned input works");
        require(!poisoned_output_ || output_.fault() != fault::none, "an output has recovered");
        require(!poisoned_input_ || input_.fault() != fault::none, "an input has recovered");
        poisoned_output_ = output_.fault() != fault::none;
        poisoned_input_ = input_.fault() != fault::none;
    }

    vchan_page page_;
    vchan_role role_;
    std::span<std::byte> out_ring_, in_ring_;
    vchan_output output_;
    vchan_input input_;
    const char* broken_ = nullptr;
    bool poisoned_output_ = false, poisoned_input_ = false;
    volatile unsigned sum_ = 0; // so that the bytes are really read
};

} // namespace

const char* run_vchan_page(std::span<const std::uint8_t> input) {
    reader header{input.first(std::min<std::size_t>(input.size(), 2))};
    const auto role = header.byte() % 2 ? vchan_role::server : vchan_role::client;
    const std::size_t program_length = header.byte();
    auto rest = input.subspan(std::min<std::size_t>(input.size(), 2));
    reader program{rest.first(std::min(rest.size(), program_length))};
    rest = rest.subspan(std::min(rest.size(), program_length));

    static control_memory memory;
    memory.bytes.fill(std::byte{0});
    std::copy_n(reinterpret_cast<const std::byte*>(rest.data()), std::min(rest.size(), page_size),
                memory.bytes.begin());
    vchan_page page{memory.bytes};
    const auto geometry = page.geometry();
    if (check_vchan_geometry(geometry) != fault::none)
        return nullptr;
    const auto references = vchan_reference_count(geometry);
    for (std::size_t i = 0; i != references; ++i)
        (void)page.reference(i);

    // Rings of their own are exactly as large as the order says, so that a step over is seen.
    std::unique_ptr<std::byte[]> pages[2];
    const auto ring = [&](std::uint16_t order, std::unique_ptr<std::byte[]>& own) {
        if (vchan_ring_in_page(order))
            return page.ring_in_page(order);
        own.reset(new std::byte[vchan_ring_size(order)]{});
        return std::span{own.get(), vchan_ring_size(order)};
    };
    const auto left = ring(geometry.left_order, pages[0]);
    const auto right = ring(geometry.right_order, pages[1]);
    attached side{page, role, geometry, left, right};
    while (!program.at_end() && !side.broken())
        side.step(program);
    page.close(role);
    return side.broken();
}

} // namespace xenring::ring::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (xenring::ring::test::run_vchan_page({data, size}))
        std::abort();
    return 0;
}
