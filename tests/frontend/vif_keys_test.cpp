// What a backend and a toolstack may say of a vif, key by key.
#include <xenring/frontend/vif_keys.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/local/machine.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

namespace xenring::frontend {
namespace {

class VifBackendKeys : public testing::Test {
protected:
    VifBackendKeys() {
        names.frontend = "/local/domain/0/device/vif/0";
        names.backend = "/local/domain/0/backend/vif/1/0";
        for (const auto& [path, value] :
             {std::pair{names.backend + "/feature-rx-copy", "1"},
              {names.backend + "/feature-rx-flip", "0"},
              {names.backend + "/feature-sg", "1"},
              {names.backend + "/feature-gso-tcpv4", "1"},
              {names.backend + "/feature-gso-tcpv6", "1"},
              {names.backend + "/feature-ipv6-csum-offload", "1"},
              {names.backend + "/feature-split-event-channels", "1"},
              {names.backend + "/multi-queue-max-queues", "1"},
              {names.backend + "/feature-multicast-control", "1"},
              {names.backend + "/feature-dynamic-multicast-control", "1"},
              {names.frontend + "/mac", "00:16:3e:00:09:02"}})
            here.store().write(path, value);
    }

    vif_backend_keys read() { return read_vif_backend(here.store(), names, key, ec); }
    void theirs(const std::string& name, const std::string& value) {
        here.store().write(names.backend + '/' + name, value);
    }
    void ours(const std::string& name, const std::string& value) {
        here.store().write(names.frontend + '/' + name, value);
    }

    local::machine machine;
    boost::asio::io_context io;
    domain here{io.get_executor(), machine.open(domid{0})}; // may write everywhere
    device_names names;
    std::string key;
    error_code ec;
};

TEST_F(VifBackendKeys, TakesWhatLinuxSays) {
    const auto keys = read();
    ASSERT_FALSE(ec) << key;
    EXPECT_TRUE(keys.scatter_gather && keys.split_event_channels);
    EXPECT_EQ(keys.max_queues, 1U);
    EXPECT_TRUE(keys.multicast_control && keys.dynamic_multicast_control);
    EXPECT_TRUE(keys.takes.checksum_ipv4 && keys.takes.checksum_ipv6);
    EXPECT_TRUE(keys.takes.tcpv4 && keys.takes.tcpv6);
    EXPECT_TRUE(keys.trusted && keys.carrier);
    EXPECT_EQ(keys.mtu, 1500U);
    EXPECT_EQ(to_text(keys.mac), "00:16:3e:00:09:02");
}

TEST_F(VifBackendKeys, WithoutOptionalKeysADeviceIsPlain) {
    for (const auto& name : here.store().directory(names.backend))
        if (name != "feature-rx-copy")
            here.store().remove(names.backend + '/' + name);
    const auto keys = read();
    ASSERT_FALSE(ec) << key;
    EXPECT_FALSE(keys.scatter_gather || keys.split_event_channels);
    EXPECT_FALSE(keys.max_queues);
    EXPECT_FALSE(keys.multicast_control || keys.dynamic_multicast_control);
    EXPECT_TRUE(keys.takes.checksum_ipv4) << "on unless the backend says no";
    EXPECT_FALSE(keys.takes.checksum_ipv6 || keys.takes.tcpv4 || keys.takes.tcpv6);
    EXPECT_TRUE(keys.trusted && keys.carrier);
}

TEST_F(VifBackendKeys, EveryKeyThatIsGarbageIsNamed) {
    const std::pair<const std::string&, const char*> all[]{
        {names.backend, "feature-rx-copy"},
        {names.backend, "feature-sg"},
        {names.backend, "feature-no-csum-offload"},
        {names.backend, "feature-ipv6-csum-offload"},
        {names.backend, "feature-gso-tcpv4"},
        {names.backend, "feature-gso-tcpv6"},
        {names.backend, "feature-split-event-channels"},
        {names.backend, "multi-queue-max-queues"},
        {names.backend, "feature-ctrl-ring"},
        {names.backend, "feature-multicast-control"},
        {names.backend, "feature-dynamic-multicast-control"},
        {names.backend, "carrier"},
        {names.frontend, "trusted"},
        {names.frontend, "mtu"},
        {names.frontend, "mac"}};
    for (const auto& [directory, name] : all)
        for (const char* garbage : {"", "yes", "-1", "1 ", "4294967296"}) {
            SCOPED_TRACE(std::string{name} + " = \"" + garbage + '"');
            const auto path = directory + '/' + name;
            error_code absent;
            const auto before = here.store().read(path, absent);
            here.store().write(path, garbage);
            (void)read();
            EXPECT_EQ(ec, errc::device_keys_malformed);
            EXPECT_EQ(key, path);
            if (absent)
                here.store().remove(path);
            else
                here.store().write(path, before);
        }
    (void)read();
    EXPECT_FALSE(ec) << key;
}

TEST_F(VifBackendKeys, WhatThereIsNoDoingWithoutIsNamed) {
    here.store().remove(names.frontend + "/mac");
    (void)read();
    EXPECT_EQ(ec, errc::device_keys_missing);
    EXPECT_EQ(key, names.frontend + "/mac");
    theirs("feature-rx-copy", "0");
    (void)read();
    EXPECT_EQ(ec, errc::feature_missing);
    EXPECT_EQ(key, names.backend + "/feature-rx-copy");
    here.store().remove(names.backend + "/feature-rx-copy");
    (void)read();
    EXPECT_EQ(ec, errc::feature_missing);
}

TEST_F(VifBackendKeys, NoMulticastControlIsNoDynamicOneEither) {
    theirs("feature-multicast-control", "0");
    EXPECT_FALSE(read().dynamic_multicast_control);
    EXPECT_FALSE(ec) << key;
}

TEST(VifMac, IsReadAsItIsWritten) {
    EXPECT_EQ(to_text(parse_mac("01:00:5E:00:00:fb").value()), "01:00:5e:00:00:fb");
    for (const char* text : {"", "01:00:5e:00:00", "01-00-5e-00-00-fb", "01:00:5e:00:00:fg"})
        EXPECT_FALSE(parse_mac(text)) << text;
}

TEST_F(VifBackendKeys, TakesNoMtuThatNoLinkHas) {
    for (const char* mtu : {"0", "67", "65522"}) {
        ours("mtu", mtu);
        (void)read();
        EXPECT_EQ(ec, errc::device_keys_malformed) << mtu;
    }
    for (const char* mtu : {"68", "9000", "65521"}) {
        ours("mtu", mtu);
        EXPECT_EQ(std::to_string(read().mtu), mtu);
        EXPECT_FALSE(ec) << mtu;
    }
}

TEST_F(VifBackendKeys, ARefreshTakesCarrierAndMtuOnly) {
    auto keys = read();
    theirs("carrier", "0");
    theirs("feature-sg", "0");
    ours("mtu", "9000");
    refresh_vif_backend(here.store(), names, keys);
    EXPECT_FALSE(keys.carrier);
    EXPECT_EQ(keys.mtu, 9000U);
    EXPECT_TRUE(keys.scatter_gather);
    theirs("carrier", "down");
    ours("mtu", "0");
    refresh_vif_backend(here.store(), names, keys);
    EXPECT_FALSE(keys.carrier) << "garbage changes nothing";
    EXPECT_EQ(keys.mtu, 9000U);
    here.store().remove(names.backend + "/carrier");
    here.store().remove(names.frontend + "/mtu");
    refresh_vif_backend(here.store(), names, keys);
    EXPECT_TRUE(keys.carrier);
    EXPECT_EQ(keys.mtu, 1500U);
}

} // namespace
} // namespace xenring::frontend
