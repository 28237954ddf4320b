// Features that the host's owner switched off, for all devices or for one.
#include "../net/frames.hpp"
#include "fixture.hpp"

namespace xenring::backend::test {
namespace {

using net::test::blank;
using net::test::is_right;
using net::test::tcp_frame;
using net::test::udp_frame;

std::vector<feature_rule> rules(std::string_view text) {
    std::string problem;
    const auto out = parse_feature_rules(text, problem);
    EXPECT_TRUE(out) << problem;
    return out.value_or(std::vector<feature_rule>{});
}

TEST(feature_rules, NameADeviceAndItsFeatures) {
    EXPECT_EQ(rules("vif3.0:gso-tcpv4=off"),
              (std::vector<feature_rule>{{"vif3.0", "gso-tcpv4", false}}));
    EXPECT_EQ(
        rules("3.1:sg=off,csum-offload=on"),
        (std::vector<feature_rule>{{"vif3.1", "sg", false}, {"vif3.1", "csum-offload", true}}));
    EXPECT_EQ(rules("00:16:3E:0a:0B:0c:sg=off"),
              (std::vector<feature_rule>{{"00:16:3e:0a:0b:0c", "sg", false}}));
}

TEST(feature_rules, SayWhatIsWrong) {
    const std::pair<const char*, const char*> wrong[] = {
        {"", "not vifD.N"},
        {"sg=off", "not vifD.N"},
        {"vif3:sg=off", "not vifD.N"},
        {"vif3.x:sg=off", "not vifD.N"},
        {"00:16:3e:0a:0b:sg=off", "not vifD.N"},
        {"vif40000.0:sg=off", "not vifD.N"},
        {"vif3.0:", "no feature ''"},
        {"vif3.0:rx-copy=off", "no feature 'rx-copy'"},
        {"vif3.0:sg", "=on or =off"},
        {"vif3.0:sg=1", "=on or =off"},
        {"vif3.0:sg=off,", "no feature ''"}};
    for (const auto& [text, says] : wrong) {
        std::string problem;
        EXPECT_FALSE(parse_feature_rules(text, problem)) << text;
        EXPECT_NE(problem.find(says), problem.npos) << text << ": " << problem;
    }
}

TEST(feature_rules, ApplyToTheirDeviceInTheirOrder) {
    vif_features features;
    features.ipv6_checksum = false;
    auto all = rules("vif3.0:sg=off,sg=on,gso-tcpv4=off");
    for (auto& each : rules("00:16:3e:00:00:01:ipv6-csum-offload=on"))
        all.push_back(each);
    auto other = features;
    apply(all, "vif4.0", "00:16:3e:00:00:02", other);
    EXPECT_EQ(other, features);
    apply(all, "vif3.0", "00:16:3E:00:00:01", features);
    EXPECT_TRUE(features.scatter_gather);
    EXPECT_FALSE(features.tcpv4_segmentation);
    EXPECT_TRUE(features.ipv6_checksum);
}

TEST(vif_features_test, NoneIsOnWithoutWhatItNeeds) {
    vif_features features;
    features.scatter_gather = false;
    EXPECT_FALSE(consistent(features).tcpv4_segmentation);
    EXPECT_FALSE(consistent(features).tcpv6_segmentation);
    features = {};
    features.ipv4_checksum = features.multicast_control = false;
    EXPECT_FALSE(consistent(features).tcpv4_segmentation);
    EXPECT_TRUE(consistent(features).tcpv6_segmentation);
    EXPECT_FALSE(consistent(features).dynamic_multicast_control);
}

class features_test : public netback_test {
protected:
    std::string offered(std::uint16_t number, const std::string& name) {
        error_code absent;
        return dom0.store().read(backend(number) + "/feature-" + name, absent);
    }
};

TEST_F(features_test, EachCanBeLeftOut) {
    std::uint16_t number = 1;
    for (const auto& feature : switchable_features) {
        auto chosen = usual_options();
        ASSERT_TRUE(set_feature(chosen.features, feature.name, false));
        start(std::move(chosen));
        connected(number);
        const std::string name{feature.name};
        if (name == "csum-offload")
            EXPECT_EQ(offered(number, "no-csum-offload"), "1");
        else
            EXPECT_EQ(offered(number, name), "0") << name;
        const auto& reader = wires.at("vif" + std::to_string(number) + ".0")->reader;
        EXPECT_EQ(reader.tcpv4, name != "sg" && name != "gso-tcpv4" && name != "csum-offload");
        EXPECT_EQ(reader.tcpv6, name != "sg" && name != "gso-tcpv6" && name != "ipv6-csum-offload");
        EXPECT_EQ(reader.checksum_ipv4, name != "csum-offload");
        EXPECT_EQ(reader.checksum_ipv6, name != "ipv6-csum-offload");
        stop();
        ended.reset();
        ++number;
    }
}

TEST_F(features_test, AllAreOfferedUnlessSaidOtherwise) {
    start();
    connected(1);
    for (const auto& feature : switchable_features)
        EXPECT_EQ(offered(1, feature.name == "csum-offload" ? "no-csum-offload"
                                                            : std::string{feature.name}),
                  feature.name == "csum-offload" ? "0" : "1");
}

TEST_F(features_test, OneDeviceMayDifferFromTheOthers) {
    auto chosen = usual_options();
    chosen.features.tcpv6_segmentation = false;
    chosen.feature_rules = rules("vif1.0:sg=off");
    for (const auto& each : rules("00:16:3e:00:00:02:gso-tcpv6=on"))
        chosen.feature_rules.push_back(each);
    for (const std::uint16_t number : std::array<std::uint16_t, 3>{1, 2, 3}) {
        open_guest(number);
        make_vif(number);
    }
    dom0.store().write(backend(2) + "/mac", "00:16:3E:00:00:02");
    start(std::move(chosen));
    for (const std::uint16_t number : std::array<std::uint16_t, 3>{1, 2, 3})
        ASSERT_TRUE(reaches(number, "2")) << log;
    EXPECT_EQ(offered(1, "sg") + offered(2, "sg") + offered(3, "sg"), "011");
    EXPECT_EQ(offered(1, "gso-tcpv6") + offered(2, "gso-tcpv6") + offered(3, "gso-tcpv6"), "010");
}

TEST_F(features_test, AChecksumIsCompletedForADeviceWithoutTheFeature) {
    auto chosen = usual_options();
    chosen.feature_rules = rules("vif1.0:csum-offload=off");
    start(std::move(chosen));
    auto& guest = connected(1);
    guest.post(4);
    guest.kick();
    auto frame = blank(udp_frame(300));
    const auto header = net::to_virtio(frame, {.csum_blank = true});
    ASSERT_TRUE(header);
    wires.at("vif1.0")->send(frame, *header);
    guest_end::received got;
    EXPECT_TRUE(eventually([&] { return !(got = guest.receive()).bytes.empty(); })) << log;
    EXPECT_EQ(got.first.flags & netif::rx_flag::csum_blank, 0);
    EXPECT_TRUE(is_right(got.bytes));
}

TEST_F(features_test, WithoutScatterGatherNoFrameTakesTwoBuffers) {
    auto chosen = usual_options();
    chosen.features.scatter_gather = false;
    start(std::move(chosen));
    auto& guest = connected(1);
    guest.post(8);
    guest.kick();
    wires.at("vif1.0")->send(udp_frame(5000));
    wires.at("vif1.0")->send(udp_frame(500));
    guest_end::received got;
    EXPECT_TRUE(eventually([&] { return !(got = guest.receive()).bytes.empty(); })) << log;
    EXPECT_EQ(got.bytes, udp_frame(500));
    EXPECT_EQ(counts("vif1.0").rx.rejected, 1U);
}

} // namespace
} // namespace xenring::backend::test
