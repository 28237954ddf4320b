// The fuzz target without a fuzzer: pages out of nothing, and valid pages with mistakes in them.
#include "vchan_page_fuzz.hpp"

#include <xenring/ring/vchan_page.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace xenring::ring::test {
namespace {

class pages : public testing::Test {
protected:
    std::size_t random(std::size_t below) { return random_() % below; }

    void fill(std::span<std::uint8_t> bytes) {
        for (auto& byte : bytes)
            byte = static_cast<std::uint8_t>(random_());
    }

    /// A page as a server makes it; orders that may be in a page are more likely than others.
    std::vector<std::uint8_t> valid_page() {
        static constexpr vchan_geometry known[] = {{10, 11}, {11, 10}, {10, 12}, {11, 12}, {12, 11},
                                                   {12, 12}, {13, 12}, {12, 13}, {11, 13}};
        const auto geometry = known[random(std::size(known))];
        std::vector<std::uint32_t> references(vchan_reference_count(geometry));
        for (auto& reference : references)
            reference = static_cast<std::uint32_t>(random_());
        alignas(page_size) static std::array<std::byte, page_size> memory;
        EXPECT_EQ(vchan_page{memory}.initialise(geometry, references), fault::none);
        auto& control = vchan_page{memory}.control();
        // Used before: both sides' indices anywhere on the number line, none or some bytes apart.
        for (auto* way : {&control.left, &control.right}) {
            way->cons = random(4) ? static_cast<std::uint32_t>(random_()) : 0xfffffff0U;
            way->prod = way->cons + static_cast<std::uint32_t>(random(3) ? 0 : random(1025));
        }
        std::vector<std::uint8_t> bytes(page_size);
        std::memcpy(bytes.data(), memory.data(), page_size);
        return bytes;
    }

    void mutate(std::vector<std::uint8_t>& page) {
        static constexpr std::uint8_t likely[] = {0, 1, 2, 3, 9, 10, 11, 12, 20, 21, 0x80, 0xff};
        for (std::size_t count = random(5); count > 0; --count)
            page[random(random(3) ? 24 : page_size)] = random(2)
                                                           ? likely[random(std::size(likely))]
                                                           : static_cast<std::uint8_t>(random_());
    }

    /// A page with a program before it.
    std::vector<std::uint8_t> with_program(std::span<const std::uint8_t> page) {
        std::vector<std::uint8_t> input(2 + 1 + random(100));
        fill(input);
        input[1] = static_cast<std::uint8_t>(input.size() - 2);
        input.insert(input.end(), page.begin(), page.end());
        return input;
    }

    std::mt19937_64 random_{20261121};
};

TEST_F(pages, AMutatedValidPageBreaksNothing) {
    for (int round = 0; round != 100'000; ++round) {
        auto page = valid_page();
        mutate(page);
        const char* broken = run_vchan_page(with_program(page));
        ASSERT_EQ(broken, nullptr) << "in round " << round << ": " << broken;
    }
}

TEST_F(pages, ARandomPageBreaksNothing) {
    std::vector<std::uint8_t> noise(page_size);
    fill(noise);
    for (int round = 0; round != 100'000; ++round) {
        fill(std::span{noise}.first(64));
        if (random(8)) { // else hardly a page would be attached to
            noise[16] = static_cast<std::uint8_t>(9 + random(5));
            noise[18] = static_cast<std::uint8_t>(9 + random(5));
            noise[17] = noise[19] = 0;
        }
        if (random(2)) // and hardly one would not be poisoned by its indices
            std::fill_n(noise.begin(), 16, std::uint8_t{0});
        const char* broken = run_vchan_page(with_program(noise));
        ASSERT_EQ(broken, nullptr) << "in round " << round << ": " << broken;
    }
}

TEST_F(pages, AnInputOfAnyLengthIsTaken) {
    const auto input = with_program(valid_page());
    for (std::size_t size = 0; size <= input.size(); ++size)
        EXPECT_EQ(LLVMFuzzerTestOneInput(input.data(), size), 0) << size;
}

} // namespace
} // namespace xenring::ring::test
