// Synchronous reading and writing cost no memory once they run: counted.
#include "fixture.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> allocated{0};
}

void* operator new(std::size_t size) {
    ++allocated;
    if (void* const memory = std::malloc(size))
        return memory;
    throw std::bad_alloc{};
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    ++allocated;
    const auto step = static_cast<std::size_t>(alignment);
    if (void* const memory = std::aligned_alloc(step, (size + step - 1) / step * step))
        return memory;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace xenring::vchan::test {
namespace {

constexpr int warm_up = 200, rounds_counted = 2000;

/// Round trips of one message; after the first ones, how many allocations they cost.
class steady_state : public two_domains {
public:
    /// Call after each round trip.
    void count_round() {
        if (++rounds_done == warm_up)
            before = allocated.load();
        else if (rounds_done == warm_up + rounds_counted)
            during = allocated.load() - before;
    }
    bool more() const { return rounds_done < warm_up + rounds_counted; }

    std::array<char, 64> request{}, answer{};
    int rounds_done = 0;
    std::size_t before = 0, during = ~std::size_t{0};
};

TEST_F(steady_state, SynchronousCallsAllocateNothing) {
    auto both = connected();
    while (more()) {
        both.client.write_some(asio::buffer(request));
        both.server.read_some(asio::buffer(answer));
        count_round();
    }
    EXPECT_EQ(during, 0U);
}

TEST_F(steady_state, SpansInPlaceAllocateNothing) {
    auto both = connected();
    error_code ec;
    while (more()) {
        both.client.commit(both.client.prepare(64, ec).size());
        both.server.consume(both.server.data(ec).size());
        count_round();
    }
    EXPECT_EQ(during, 0U);
}

} // namespace
} // namespace xenring::vchan::test
