#include <xenring/ring/byte_ring.hpp>
#include <xenring/ring/shared_copy.hpp>

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace xenring::ring {
namespace {

class ByteRing : public testing::Test {
protected:
    std::array<std::byte, 16> buffer{};
    std::uint32_t prod = 0xfffffff8u, cons = 0xfffffff8u;
    byte_producer producer{prod, cons, buffer};
    byte_consumer consumer{cons, prod, buffer};
};

TEST_F(ByteRing, CommittedBytesAreInvisibleUntilPublished) {
    producer.commit(5);
    EXPECT_EQ(producer.unpublished(), 5u);
    EXPECT_TRUE(consumer.data().empty());
    EXPECT_TRUE(producer.publish());
    EXPECT_FALSE(producer.publish());
    EXPECT_EQ(consumer.data().size(), 5u);
}

TEST_F(ByteRing, SpaceComesBackWhenTheConsumerPublishes) {
    producer.commit(16);
    (void)producer.publish();
    EXPECT_EQ(producer.free(), 0u);
    EXPECT_TRUE(producer.prepare(1).empty());
    EXPECT_EQ(consumer.available(), 16u) << "a full ring is legal";
    consumer.consume(6);
    EXPECT_EQ(producer.free(), 0u);
    EXPECT_TRUE(consumer.publish());
    EXPECT_EQ(producer.prepare(100).size(), 6u);
}

TEST_F(ByteRing, SeveralCommitsArePublishedAtOnce) {
    producer.commit(3);
    producer.commit(4);
    EXPECT_TRUE(producer.publish());
    EXPECT_EQ(consumer.available(), 7u);
}

TEST_F(ByteRing, ThePeersIndexIsReadOnlyWhenTheKnownIsTooLittle) {
    producer.commit(4);
    (void)producer.publish();
    cons = 12345; // impossible, but nobody needs to look
    EXPECT_EQ(producer.prepare(12).size(), 12u);
    EXPECT_EQ(producer.fault(), fault::none);
    EXPECT_TRUE(producer.prepare(13).empty());
    EXPECT_EQ(producer.fault(), fault::consumer_overrun);
}

TEST_F(ByteRing, OwnIndexInThePageIsNeverBelieved) {
    producer.commit(4);
    (void)producer.publish();
    prod = 77;
    producer.commit(1);
    (void)producer.publish();
    EXPECT_EQ(prod, 0xfffffff8u + 5);
    EXPECT_EQ(producer.fault(), fault::none);
}

TEST_F(ByteRing, CommittingMoreThanIsFreePoisons) {
    producer.commit(17);
    EXPECT_EQ(producer.fault(), fault::over_commit);
    EXPECT_FALSE(producer.publish());
    EXPECT_EQ(prod, cons);
}

TEST_F(ByteRing, ConsumingMoreThanIsTherePoisons) {
    producer.commit(2);
    (void)producer.publish();
    EXPECT_EQ(consumer.data().size(), 2u);
    consumer.consume(3);
    EXPECT_EQ(consumer.fault(), fault::over_consume);
    EXPECT_TRUE(consumer.data().empty());
    EXPECT_FALSE(consumer.publish());
}

TEST_F(ByteRing, AProducerMayNotFillWhatWasConsumedButNotGivenBack) {
    producer.commit(16);
    (void)producer.publish();
    EXPECT_EQ(consumer.available(), 16u);
    consumer.consume(8);
    prod += 1;
    EXPECT_EQ(consumer.available(), 0u);
    EXPECT_EQ(consumer.fault(), fault::producer_overrun);
}

TEST_F(ByteRing, TakenOverIndicesThatAreTooFarApartPoison) {
    std::uint32_t p = 17, c = 0;
    EXPECT_EQ(byte_producer(p, c, buffer).fault(), fault::consumer_overrun);
    EXPECT_EQ(byte_consumer(c, p, buffer).fault(), fault::producer_overrun);
    p = 16;
    EXPECT_EQ(byte_consumer(c, p, buffer).fault(), fault::none);
}

TEST_F(ByteRing, ABufferThatIsNoPowerOfTwoIsAFault) {
    for (const std::size_t size : {0u, 3u, 15u}) {
        byte_producer p(prod, cons, std::span(buffer).first(size));
        byte_consumer c(cons, prod, std::span(buffer).first(size));
        EXPECT_EQ(p.fault(), fault::unusable_memory);
        EXPECT_EQ(c.fault(), fault::unusable_memory);
        EXPECT_TRUE(p.prepare(1).empty());
        EXPECT_TRUE(c.data().empty());
    }
}

TEST_F(ByteRing, RandomChunksComeOutInOrderThroughTheWrapOfTheIndex) {
    std::mt19937 random(5);
    std::uint8_t in = 0, out = 0;
    for (int n = 0; n != 20000; ++n) {
        const byte_spans space = producer.prepare(random() % 20);
        for (std::byte& b : space.first)
            b = std::byte(in++);
        for (std::byte& b : space.second)
            b = std::byte(in++);
        producer.commit(space.size());
        if (random() % 2)
            (void)producer.publish();
        const const_byte_spans data = consumer.data(random() % 20);
        std::vector<std::byte> copy(data.size());
        copy_bytes_out(copy, data.first);
        copy_bytes_out(std::span(copy).subspan(data.first.size()), data.second);
        copy.resize(copy.empty() ? 0 : random() % (copy.size() + 1));
        for (const std::byte b : copy)
            ASSERT_EQ(b, std::byte(out++));
        consumer.consume(copy.size());
        if (random() % 2)
            (void)consumer.publish();
    }
    EXPECT_EQ(producer.fault(), fault::none);
    EXPECT_EQ(consumer.fault(), fault::none);
    EXPECT_LT(prod, 0x80000000u) << "the index has wrapped";
}

} // namespace
} // namespace xenring::ring
