// What is said to a backend about hashes, answer by answer.
#include <xenring/frontend/hash_setup.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace xenring::frontend::detail {
namespace {

namespace netif = ring::netif;
namespace control_type = netif::control_type;
namespace control_status = netif::control_status;

class HashSetup : public testing::Test {
protected:
    static hash_steering steering() {
        hash_steering out;
        out.types = netif::hash_type::ipv4;
        for (std::size_t i = 0; i != out.key.size(); ++i)
            out.key[i] = static_cast<std::uint8_t>(i + 1);
        out.mapping = {0, 1, 2, 3};
        return out;
    }
    control_message next() {
        const auto message = setup.next(page);
        EXPECT_TRUE(message);
        return message.value_or(control_message{});
    }
    void answer(std::uint32_t status) { setup.take({0, 0, status, 0xffff'ffff}); }
    /// The types of all messages up to the end, of which the `nth` gets that answer.
    std::vector<std::uint16_t> said(std::size_t nth = 99, std::uint32_t status = 0) {
        std::vector<std::uint16_t> out;
        while (const auto message = setup.next(page)) {
            out.push_back(message->type);
            answer(out.size() == nth ? status : control_status::success);
        }
        return out;
    }

    std::array<std::byte, page_size> memory{};
    control_page page{memory, grant_ref{77}};
    hash_setup setup;
};

TEST_F(HashSetup, SaysNothingOfItself) {
    EXPECT_FALSE(setup.next(page));
    setup.restart();
    EXPECT_FALSE(setup.next(page));
    EXPECT_FALSE(setup.result());
}

TEST_F(HashSetup, SaysAllOfItTheTypesLast) {
    setup.want(steering(), 2);
    EXPECT_EQ(next().type, control_type::set_hash_algorithm);
    answer(control_status::success);
    const auto key = next();
    EXPECT_EQ(key.type, control_type::set_hash_key);
    EXPECT_EQ(key.data, (std::array<std::uint32_t, 3>{77, 40, 0}));
    EXPECT_EQ(std::memcmp(memory.data(), steering().key.data(), 40), 0);
    answer(control_status::success);
    EXPECT_EQ(next().data[0], 4U);
    answer(control_status::success);
    const auto mapping = next();
    EXPECT_EQ(mapping.type, control_type::set_hash_mapping);
    EXPECT_EQ(mapping.data, (std::array<std::uint32_t, 3>{77, 4, 0}));
    const std::uint32_t of_two[] = {0, 1, 0, 1};
    EXPECT_EQ(std::memcmp(memory.data(), of_two, sizeof of_two), 0) << "only queues that exist";
    answer(control_status::success);
    const auto types = next();
    EXPECT_EQ(types.type, control_type::set_hash_flags);
    EXPECT_EQ(types.data[0], netif::hash_type::ipv4);
    EXPECT_FALSE(setup.result()) << "not before the last answer";
    answer(control_status::success);
    EXPECT_FALSE(setup.next(page));
    EXPECT_EQ(setup.result(), error_code{});
    EXPECT_FALSE(setup.result()) << "once";
}

TEST_F(HashSetup, AnEmptyMappingIsNotSent) {
    auto plain = steering();
    plain.mapping.clear();
    setup.want(plain, 2);
    EXPECT_EQ(said(), (std::vector<std::uint16_t>{7, 3, 5, 2}));
    EXPECT_EQ(setup.result(), error_code{});
}

TEST_F(HashSetup, ARefusalOfAnyPartEndsWithNoHashAtAll) {
    const std::vector<std::uint16_t> all{7, 3, 5, 6, 2};
    const std::pair<std::uint32_t, error_code> answers[] = {
        {control_status::not_supported, errno_code(ENOTSUP)},
        {control_status::invalid_parameter, errno_code(EINVAL)},
        {control_status::buffer_overflow, errno_code(EMSGSIZE)},
        {4, errc::protocol_violation},
        {0xffff'ffff, errc::protocol_violation}};
    for (std::size_t nth = 1; nth <= all.size(); ++nth)
        for (const auto& [status, means] : answers) {
            setup.want(steering(), 2);
            std::vector<std::uint16_t> expected{all.begin(), all.begin() + static_cast<long>(nth)};
            if (nth != 1) // the algorithm itself
                expected.push_back(control_type::set_hash_algorithm);
            EXPECT_EQ(said(nth, status), expected);
            EXPECT_EQ(setup.result(), means);
            EXPECT_NE(setup.problem().find(std::to_string(status)), std::string::npos);
        }
}

TEST_F(HashSetup, TheFirstRefusalCounts) {
    setup.want(steering(), 2);
    for (const std::uint32_t status : {0U, 3U, 1U}) {
        next();
        answer(status);
    }
    EXPECT_FALSE(setup.next(page));
    EXPECT_EQ(setup.result(), errno_code(EMSGSIZE));
}

TEST_F(HashSetup, IsTurnedOffByOneMessage) {
    setup.want(std::nullopt, 2);
    const auto message = next();
    EXPECT_EQ(message.type, control_type::set_hash_algorithm);
    EXPECT_EQ(message.data[0], netif::hash_algorithm::none);
    answer(control_status::success);
    EXPECT_FALSE(setup.next(page));
    EXPECT_EQ(setup.result(), error_code{});
}

TEST_F(HashSetup, ARestartedBackendIsToldAgain) {
    setup.want(steering(), 4);
    EXPECT_EQ(said().size(), 5U);
    setup.restart();
    EXPECT_EQ(said().size(), 5U);
    setup.want(std::nullopt, 4);
    EXPECT_EQ(said().size(), 1U);
    setup.restart();
    EXPECT_EQ(said().size(), 0U) << "it likes what it likes";
}

TEST_F(HashSetup, NoMessageHoldsMoreThanAPage) {
    auto most = steering();
    most.mapping.assign(1024, 1);
    setup.want(most, 2);
    EXPECT_EQ(said().size(), 5U);
    EXPECT_EQ(setup.result(), error_code{});
    most.mapping.push_back(1);
    setup.want(most, 2);
    EXPECT_EQ(said().size(), 1U) << "the algorithm: none";
    EXPECT_EQ(setup.result(), errno_code(EINVAL));
    EXPECT_FALSE(setup.problem().empty());
}

} // namespace
} // namespace xenring::frontend::detail
