#include <xenring/grant/local/fault_plan.hpp>
#include <xenring/grant/shortened.hpp>
#include <xenring/grant/specification.hpp>

#include <charconv>
#include <filesystem>

namespace xenring {
namespace {

constexpr std::string_view default_directory = "/run/xenring";

bool parse_domid(std::string_view text, domid& out) {
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() ||
        number >= first_reserved_domid)
        return false;
    out = domid{number};
    return true;
}

/// Cuts `text` at the first `mark`; returns what is behind it.
std::string_view cut(std::string_view& text, char mark) {
    const auto at = text.find(mark);
    if (at == std::string_view::npos)
        return {};
    const auto behind = text.substr(at + 1);
    text = text.substr(0, at);
    return behind;
}

bool parse_options(std::string_view text, specification& out, bool& has_domid) {
    while (!text.empty()) {
        const auto rest = cut(text, '&');
        const auto value = cut(text, '=');
        if (text == "domid") {
            has_domid = true;
            if (!parse_domid(value, out.self))
                return false;
        } else if (text == "fail") {
            out.fault = value;
        } else {
            return false;
        }
        text = rest;
    }
    return true;
}

constexpr auto last_domid = first_reserved_domid - 1;

void refuse(std::string_view what, std::string_view text, std::string_view expected,
            specification& out, error_code& ec) {
    out.why =
        std::string{what} + " is \"" + detail::shortened(text) + "\", not " + std::string{expected};
    ec = errc::bad_specification;
}

} // namespace

std::string sign_of_xen(const std::string& root) {
    auto devices = root + "/dev/xen", capabilities = root + "/proc/xen/capabilities";
    std::error_code failure;
    const std::filesystem::directory_iterator nodes{devices, failure};
    if (!failure && nodes != std::filesystem::directory_iterator{})
        return devices;
    return std::filesystem::exists(capabilities, failure) ? capabilities : std::string{};
}

specification resolve_specification(std::string_view text,
                                    const std::function<std::string(const char*)>& environment,
                                    error_code& ec, const std::function<std::string()>& sign) {
    specification out;
    ec.clear();
    std::string chosen{text};
    out.why = "asked for";
    if (chosen.empty()) {
        chosen = environment("XENRING_HYPERVISOR");
        out.why = "XENRING_HYPERVISOR says so";
    }
    out.asked = !chosen.empty();
    if (!out.asked) {
        const auto found = sign();
        chosen = found.empty() ? "local" : "xen";
        out.why = found.empty() ? "/dev/xen is not there" : found + " is there";
    }
    std::string_view rest = chosen;
    bool has_domid = false;
    bool good = parse_options(cut(rest, '?'), out, has_domid);
    out.directory = cut(rest, ':');
    if (rest == "xen")
        good = good && chosen == "xen";
    else if (rest == "local")
        out.kind = hypervisor_kind::local;
    else
        good = false;
    if (!good)
        refuse(text.empty() ? "XENRING_HYPERVISOR" : "the hypervisor", chosen,
               "xen, local or local:DIRECTORY?domid=N", out, ec);
    error_code misread;
    local::parse_faults(out.fault, misread);
    if (good && misread)
        refuse("fail=", out.fault,
               "CALL:NTH or CALL:NTH:ERRNO, such as share:3 or share:3,map:1:EPERM", out, ec);
    if (out.directory.empty())
        out.directory = environment("XENRING_RUNDIR");
    if (out.directory.empty())
        out.directory = default_directory;
    const auto number = has_domid || !good ? std::string{} : environment("XENRING_DOMID");
    if (!number.empty() && out.kind == hypervisor_kind::local && !parse_domid(number, out.self))
        refuse("XENRING_DOMID", number, "a number from 0 to " + std::to_string(last_domid), out,
               ec);
    return out;
}

} // namespace xenring
