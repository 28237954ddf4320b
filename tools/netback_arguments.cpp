#include "common.hpp"
#include "netback_arguments.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace xenring::tools {
namespace {

std::string feature_names() {
    std::string out;
    for (const auto& each : backend::switchable_features)
        out += (out.empty() ? "" : ", ") + std::string{each.name};
    return out;
}

void switch_off(backend::vif_features& features, const std::vector<std::string>& names) {
    for (const auto& name : names)
        if (!set_feature(features, name, false))
            throw CLI::ValidationError("--without", "there is no feature '" + name +
                                                        "'; there are " + feature_names());
}

void add_rules(std::vector<backend::feature_rule>& rules, const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
        std::string problem;
        const auto parsed = backend::parse_feature_rules(text, problem);
        if (!parsed)
            throw CLI::ValidationError("--vif", problem);
        rules.insert(rules.end(), parsed->begin(), parsed->end());
    }
}

void set_rate(backend::queue_limits& limits, const std::string& text) {
    limits.rate = backend::parse_rate(text);
    if (!limits.rate)
        throw CLI::ValidationError("--rate", "'" + shortened(text) +
                                                 "' is not BYTES,MICROSECONDS, two numbers");
}

void add_feature_options(CLI::App& command, backend::netback::options& options) {
    command.add_option("--queues", options.features.max_queues, "Queues that a guest may use (1)")
        ->check(CLI::Range(1, 64))
        ->type_name("N");
    command
        .add_option_function<std::vector<std::string>>(
            "--without", [&options](const auto& names) { switch_off(options.features, names); },
            "Neither offer nor use these features: " + feature_names())
        ->delimiter(',')
        ->type_name("FEATURE,...");
    command
        .add_option_function<std::vector<std::string>>(
            "--vif", [&options](const auto& texts) { add_rules(options.feature_rules, texts); },
            "The same for one device alone, which is vifD.N or a MAC address: "
            "vif3.0:gso-tcpv4=off,sg=off; 'on' takes back what --without says")
        ->type_name("DEVICE:FEATURE=off,...");
}

} // namespace

void add_netback_options(CLI::App& command, netback_arguments& arguments) {
    auto& options = arguments.options;
    command
        .add_option("--bridge", options.bridge,
                    "Put every TAP into this bridge, and wait for no hotplug script")
        ->type_name("NAME");
    add_feature_options(command, options);
    command
        .add_option_function<std::string>(
            "--rate", [&options](const auto& text) { set_rate(options.limits, text); },
            "What each queue of a guest may transmit in a period, as the key 'rate' of a vif says "
            "it, which goes before this: 12500000,50000 are 250 MB/s")
        ->type_name("BYTES,MICROSECONDS");
    command
        .add_option("--tap-queue", options.tap_queue,
                    "Frames that wait in a new TAP while its guest has no room (256); the largest "
                    "have 64 KiB")
        ->check(CLI::Range(1, 65536))
        ->type_name("FRAMES");
    command
        .add_option("--pcap", options.capture.path,
                    "Append every frame to this file, for Wireshark; %v in the name stands for "
                    "the vif's, else all vifs share the file")
        ->type_name("FILE");
    command
        .add_option("--snapshot-length", options.capture.snap_length,
                    "Bytes of a frame that go into --pcap's file (all)")
        ->check(CLI::Range(14, 262144))
        ->type_name("BYTES");
    command
        .add_option("--statistics", arguments.statistics,
                    "Answer at this socket with what was counted, as Prometheus' text; see "
                    "'xenring stat'")
        ->type_name("SOCKET");
    command
        .add_option("--statistics-file", arguments.statistics_file,
                    "Write the same into this file whenever SIGUSR1 comes, and at the end")
        ->type_name("FILE");
}

} // namespace xenring::tools
