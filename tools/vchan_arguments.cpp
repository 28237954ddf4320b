#include "common.hpp"
#include "vchan_arguments.hpp"

#include <xenring/grant/types.hpp>
#include <xenring/ring/vchan_geometry.hpp>
#include <xenring/vchan/path.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>

namespace xenring::tools {
namespace {

using duration = std::chrono::steady_clock::duration;

/// Seconds, for ever from 10^9 on: that is 31 years, and a clock's count ends at 292.
std::optional<duration> parse_wait(std::string_view text) {
    double seconds = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool whole = end == text.data() + text.size() && !text.empty();
    if (!whole || text.starts_with('-'))
        return std::nullopt;
    if (problem == std::errc::result_out_of_range) // 1e-999 is 0, 1e999 is for ever
        return text.find("e-") == text.npos ? vchan::options::forever : duration{0};
    if (problem != std::errc{} || !(seconds >= 0)) // not a number, or "nan"
        return std::nullopt;
    if (seconds >= 1e9)
        return vchan::options::forever;
    return std::chrono::duration_cast<duration>(std::chrono::duration<double>{seconds});
}

std::optional<std::size_t> parse_size(std::string_view text) {
    std::size_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (problem != std::errc{} || number > (std::size_t{1} << 20))
        return std::nullopt;
    if (unit.empty())
        return number;
    if (unit == "K" || unit == "k")
        return number << 10;
    if (unit == "M" || unit == "m")
        return number << 20;
    return std::nullopt;
}

/// LEFT[:RIGHT]; RIGHT is LEFT where it is not said.
bool parse_ring(std::string_view text, vchan::options& out) {
    const auto colon = text.find(':');
    const auto left = parse_size(text.substr(0, colon));
    const auto right = colon == text.npos ? left : parse_size(text.substr(colon + 1));
    if (!left || !right || !ring::choose_vchan_geometry(*left, *right))
        return false;
    out.left_size = *left;
    out.right_size = *right;
    return true;
}

} // namespace

void add_common_options(CLI::App& command, vchan_arguments& arguments) {
    command.add_option("PEER_DOMID", arguments.peer, "The other domain")
        ->required()
        ->check(CLI::Range(0, first_reserved_domid - 1));
    command
        .add_option("PATH", arguments.path,
                    "The channel in the store: NAME (data/vchan/<client>/NAME of the server), "
                    "a path relative to the server's own, or an absolute one; a server in a guest "
                    "may write only below its own data/")
        ->required();
    command.add_flag("-N,--close-at-end", arguments.close_when_taken,
                     "At the end of standard input, close once the peer has taken every byte");
    command
        .add_option_function<std::uint32_t>(
            "--spin",
            [&](std::uint32_t microseconds) {
                arguments.channel.spin = std::chrono::microseconds{microseconds};
            },
            "Longest spin before sleeping, microseconds")
        ->default_str(std::to_string(arguments.channel.spin.count()))
        ->check(CLI::Range(0, 1'000'000));
}

void add_listen_options(CLI::App& command, vchan_arguments& arguments) {
    command
        .add_option_function<std::string>(
            "--ring",
            [&](const std::string& text) {
                if (!parse_ring(text, arguments.channel))
                    throw CLI::ValidationError{
                        "--ring", '"' + shortened(text) +
                                      "\" is not LEFT[:RIGHT], each a number of bytes up to 1M, "
                                      "such as 4096, 64K or 4K:256K"};
            },
            "Ring sizes in bytes, K and M allowed, at most 1M: client to server, then server to "
            "client (default 64K:64K)")
        ->type_name("LEFT[:RIGHT]");
    command.add_flag("--keep", arguments.keep, "Serve one client after another");
}

void add_connect_options(CLI::App& command, vchan_arguments& arguments) {
    command
        .add_option_function<std::string>(
            "--wait",
            [&](const std::string& text) {
                const auto wait = parse_wait(text);
                if (!wait)
                    throw CLI::ValidationError{
                        "--wait",
                        '"' + shortened(text) + "\" is not a number of seconds from 0 on, or inf"};
                arguments.channel.wait = *wait;
            },
            "Seconds to wait for a server that is not there yet (inf: for ever)")
        ->type_name("SECONDS");
}

} // namespace xenring::tools
