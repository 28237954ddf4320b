// Frames cost no memory from the heap once all is set up. (Waiting does: Boost 1.81 allocates for
// the executor of a type-erased handler, and the stand-in in each grant copy.)
#include "../counting_new.hpp"
#include "pair_fixture.hpp"

namespace xenring::frontend::test {
namespace {

using allocation_test = pair_test;

TEST_F(allocation_test, SendingAndReceivingCostNone) {
    connect_pair();
    const auto bytes = net::test::udp_frame(5000);
    std::size_t counted = 0, arrived = 0;
    for (std::size_t round = 0; round != 1000; ++round) {
        auto before = xenring::test::allocations();
        error_code ec;
        {
            auto frame = net->prepare(bytes.size());
            frame.fill(bytes);
            net->send(frame, {}, ec);
        }
        counted += xenring::test::allocations() - before;
        ASSERT_FALSE(ec);
        outside().send(receive_outside().frame);
        while (arrived == round) {
            io.restart();
            io.poll();
            before = xenring::test::allocations();
            arrived += net->receive(ec).size() == bytes.size();
            counted += xenring::test::allocations() - before;
            ASSERT_FALSE(ec);
        }
    }
    EXPECT_EQ(counted, 0U);
}

} // namespace
} // namespace xenring::frontend::test
