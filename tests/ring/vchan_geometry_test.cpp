#include <xenring/ring/vchan_geometry.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <ostream>

namespace xenring::ring {
namespace {

struct choice {
    std::size_t left_min, right_min;
    std::uint16_t left, right;
};

void PrintTo(const choice& c, std::ostream* to) {
    *to << c.left_min << '/' << c.right_min;
}

class Choose : public testing::TestWithParam<choice> {};

TEST_P(Choose, PicksWhatLibxenvchanPicks) {
    const choice c = GetParam();
    const auto chosen = choose_vchan_geometry(c.left_min, c.right_min);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->left_order, c.left);
    EXPECT_EQ(chosen->right_order, c.right);
    EXPECT_EQ(check_vchan_geometry(*chosen), fault::none) << "what a server picks a client takes";
}

INSTANTIATE_TEST_SUITE_P(VchanGeometry, Choose,
                         testing::Values(choice{0, 0, 10, 11}, choice{1024, 2048, 10, 11},
                                         choice{1025, 0, 11, 10}, choice{2048, 1024, 11, 10},
                                         choice{1025, 1025, 11, 12}, choice{2048, 2048, 11, 12},
                                         choice{0, 2049, 11, 12}, choice{1024, 4097, 11, 13},
                                         choice{2049, 0, 12, 11}, choice{4096, 2048, 12, 11},
                                         choice{2049, 2049, 12, 12}, choice{4096, 4097, 12, 13},
                                         choice{1, 1 << 20, 11, 20}, choice{1 << 20, 1, 20, 11},
                                         choice{1 << 20, 1 << 20, 20, 20}));

TEST(VchanGeometry, AboveOneMebibyteNothingIsChosen) {
    EXPECT_FALSE(choose_vchan_geometry((1 << 20) + 1, 0));
    EXPECT_FALSE(choose_vchan_geometry(0, (1 << 20) + 1));
    EXPECT_FALSE(choose_vchan_geometry(SIZE_MAX, SIZE_MAX));
}

/// Bytes of the page that each part occupies, painted; a fault is an overlap.
fault painted(unsigned left, unsigned right) {
    if (left < 10 || left > 20 || right < 10 || right > 20)
        return fault::bad_order;
    std::array<int, 4096> owner{};
    const auto paint = [&owner](std::size_t from, std::size_t count, int who) {
        bool clash = false;
        for (std::size_t i = from; i != from + count; ++i) {
            clash = clash || owner[i] != 0;
            owner[i] = who;
        }
        return clash;
    };
    for (const unsigned order : {left, right})
        if (order < 12 && paint(1u << order, 1u << order, 1))
            return fault::equal_in_page_orders;
    std::size_t references = 0;
    for (const unsigned order : {left, right})
        references += order < 12 ? 0 : 1u << (order - 12);
    return paint(0, 24 + 4 * references, 2) ? fault::references_overlap_ring : fault::none;
}

TEST(VchanGeometry, AClientAcceptsExactlyWhatFitsThePage) {
    for (std::uint16_t left = 0; left != 40; ++left)
        for (std::uint16_t right = 0; right != 40; ++right)
            EXPECT_EQ(check_vchan_geometry({left, right}), painted(left, right))
                << left << ' ' << right;
    EXPECT_EQ(check_vchan_geometry({0xffff, 10}), fault::bad_order);
    EXPECT_EQ(check_vchan_geometry({10, 20}), fault::references_overlap_ring);
    EXPECT_EQ(check_vchan_geometry({10, 19}), fault::none);
    EXPECT_EQ(check_vchan_geometry({10, 12}), fault::none) << "only ocaml-vchan's server emits it";
    EXPECT_EQ(check_vchan_geometry({11, 11}), fault::equal_in_page_orders);
    EXPECT_EQ(check_vchan_geometry({12, 12}), fault::none);
}

TEST(VchanGeometry, ReferencesAreOneForEachPageBesideTheControlPage) {
    EXPECT_EQ(vchan_reference_count({10, 11}), 0u);
    EXPECT_EQ(vchan_reference_count({11, 12}), 1u);
    EXPECT_EQ(vchan_reference_count({20, 20}), 512u);
    EXPECT_EQ(vchan_ring_size(20), std::size_t{1} << 20);
}

} // namespace
} // namespace xenring::ring
