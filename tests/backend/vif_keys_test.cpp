// What a frontend may say of its vif, key by key.
#include <xenring/backend/vif_keys.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/local/machine.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <map>

namespace xenring::backend {
namespace {

class VifFrontendKeys : public testing::Test {
protected:
    using key_map = std::map<std::string, std::string>;
    /// What Linux's netfront writes.
    static key_map usual() {
        return {{"tx-ring-ref", "8"},
                {"rx-ring-ref", "9"},
                {"event-channel-tx", "10"},
                {"event-channel-rx", "11"},
                {"multi-queue-num-queues", "1"},
                {"request-rx-copy", "1"},
                {"feature-rx-notify", "1"},
                {"feature-sg", "1"},
                {"feature-gso-tcpv4", "1"},
                {"feature-gso-tcpv6", "1"},
                {"feature-ipv6-csum-offload", "1"}};
    }
    static key_map two_queues() {
        auto all = usual();
        for (const char* name :
             {"tx-ring-ref", "rx-ring-ref", "event-channel-tx", "event-channel-rx"}) {
            all["queue-0/" + std::string{name}] = all["queue-1/" + std::string{name}] = all[name];
            all.erase(name);
        }
        all["multi-queue-num-queues"] = "2";
        return all;
    }

    vif_frontend_keys read(const key_map& what) {
        error_code absent;
        here.store().remove(directory, absent);
        for (const auto& [name, value] : what)
            here.store().write(directory + '/' + name, value);
        return read_vif_frontend(here.store(), directory, 4, key, ec);
    }
    void expect_named(const key_map& what, const std::string& name, errc why) {
        (void)read(what);
        EXPECT_EQ(ec, why) << name << ": " << ec.message();
        EXPECT_EQ(key, directory + '/' + name);
    }

    local::machine machine;
    boost::asio::io_context io;
    domain here{io.get_executor(), machine.open(domid{0})}; // may write everywhere
    const std::string directory = "/local/domain/0/device/vif/0";
    std::string key;
    error_code ec;
};

TEST_F(VifFrontendKeys, TakesWhatLinuxSays) {
    const auto read_keys = read(usual());
    ASSERT_FALSE(ec) << key;
    ASSERT_EQ(read_keys.queues.size(), 1U);
    EXPECT_EQ(read_keys.queues[0],
              (vif_queue_keys{grant_ref{8}, grant_ref{9}, port{10}, port{11}}));
    EXPECT_TRUE(read_keys.scatter_gather && read_keys.tells_refills);
    EXPECT_TRUE(read_keys.takes.checksum_ipv4 && read_keys.takes.checksum_ipv6);
    EXPECT_TRUE(read_keys.takes.tcpv4 && read_keys.takes.tcpv6);
    EXPECT_EQ(read(two_queues()).queues.size(), 2U);
    EXPECT_FALSE(ec) << key;
}

TEST_F(VifFrontendKeys, WithoutOptionalKeysADeviceIsPlain) {
    const auto plain = read({{"tx-ring-ref", "8"},
                             {"rx-ring-ref", "9"},
                             {"event-channel", "10"},
                             {"request-rx-copy", "1"}});
    ASSERT_FALSE(ec) << key;
    ASSERT_EQ(plain.queues.size(), 1U);
    EXPECT_FALSE(plain.queues[0].rx_port);
    EXPECT_FALSE(plain.scatter_gather || plain.tells_refills || plain.filters_multicast);
    EXPECT_TRUE(plain.takes.checksum_ipv4) << "on unless the frontend says no";
    EXPECT_FALSE(plain.takes.checksum_ipv6 || plain.takes.tcpv4 || plain.takes.tcpv6);
}

TEST_F(VifFrontendKeys, EveryKeyThatIsGarbageIsNamed) {
    for (const char* garbage : {"", "yes", "-1", "1 ", "4294967296"}) {
        for (const auto& all : {usual(), two_queues()})
            for (const auto& [name, value] : all) {
                auto keys = all;
                keys[name] = garbage;
                expect_named(keys, name, errc::device_keys_malformed);
            }
        for (const char* name : {"feature-no-csum-offload", "request-multicast-control"}) {
            auto keys = usual();
            keys[name] = garbage;
            expect_named(keys, name, errc::device_keys_malformed);
        }
    }
}

TEST_F(VifFrontendKeys, EveryRequiredKeyThatIsMissingIsNamed) {
    for (const char* name : {"tx-ring-ref", "rx-ring-ref", "event-channel-rx"}) {
        auto keys = usual();
        keys.erase(name);
        expect_named(keys, name, errc::device_keys_missing);
        keys = two_queues();
        keys.erase("queue-1/" + std::string{name});
        expect_named(keys, "queue-1/" + std::string{name}, errc::device_keys_missing);
    }
    auto keys = usual();
    keys.erase("event-channel-tx");
    expect_named(keys, "event-channel", errc::device_keys_missing);
}

TEST_F(VifFrontendKeys, RefusesAFrontendThatWantsNoCopies) {
    auto keys = usual();
    keys["request-rx-copy"] = "0";
    expect_named(keys, "request-rx-copy", errc::feature_missing);
    keys.erase("request-rx-copy");
    expect_named(keys, "request-rx-copy", errc::feature_missing);
}

TEST_F(VifFrontendKeys, RefusesMoreQueuesThanWereOffered) {
    for (const char* count : {"0", "5", "4294967295"}) {
        auto keys = usual();
        keys["multi-queue-num-queues"] = count;
        (void)read(keys);
        EXPECT_EQ(ec, errc::device_keys_malformed);
        EXPECT_EQ(key.find(directory + "/multi-queue-num-queues"), 0U) << key;
    }
}

} // namespace
} // namespace xenring::backend
