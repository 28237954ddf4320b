// The xenring command.
#include "common.hpp"

#include <xenring/grant/specification.hpp>

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace xenring::tools {

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string global_options::specification() const {
    const auto variables = [this](const char* name) {
        const bool said = domain && name == std::string_view{"XENRING_DOMID"};
        return said ? std::string{} : from_environment(name); // --domid goes before the variable
    };
    error_code ec;
    const auto asked = resolve_specification(hypervisor, variables, ec);
    if (ec)
        throw usage_problem{asked.why};
    if (!domain)
        return hypervisor;
    auto text = hypervisor.empty() ? from_environment("XENRING_HYPERVISOR") : hypervisor;
    if (text.empty())
        text = "local"; // --domid asks for it
    else if (asked.kind == hypervisor_kind::xen)
        throw usage_problem{"--domid is for the stand-in only: on Xen a program is of the domain "
                            "that it runs in"};
    text += text.find('?') == std::string::npos ? '?' : '&';
    return text + "domid=" + std::to_string(*domain);
}

void complain(const std::string& text) {
    std::fprintf(stderr, "xenring: %s\n", text.c_str());
}

void remark(const global_options& options, const std::string& text) {
    if (options.verbose)
        complain(text);
}

namespace {

constexpr const char* footer = R"(
Which hypervisor (--hypervisor, else $XENRING_HYPERVISOR):
  xen                  real Xen, through /dev/xen
  local[:DIRECTORY]    the stand-in that 'xenring hypervisor' runs in DIRECTORY
                       (else $XENRING_RUNDIR, else /run/xenring)
  local:DIR?fail=LIST  the same, but calls fail that LIST names, CALL:NTH[:ERRNO],...: for
                       tests, such as fail=share:1,map:2:EPERM
  not said             xen where /dev/xen is there, else local
On the stand-in --domid N (else $XENRING_DOMID, else 0) says which domain this program is.

Exit status: 0 done, or the peer closed in order; 1 an error, told on standard error (a peer
that died is one, and with -N one that closed without taking every byte); 2 wrong arguments;
128 + N ended by signal N, after closing in order (without, if hypervisor or store do not
answer for three seconds).
'hypervisor' is a service: that SIGTERM ends it is as it should be, and 0.)";

/// What the shell closed (`<&-`) gets a stand-in, or the next descriptor that the program opens for
/// itself would be taken for it: the input is at its end, writing output fails with EBADF, and what
/// would be said goes nowhere.
void open_closed_streams() {
    for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(each, F_GETFD) < 0 && errno == EBADF) // then open() takes the lowest: this one
            (void)::open("/dev/null", each == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

/// The library asks for what is missing before it looks at what is too much.
int wrong_words(const CLI::App& app, const CLI::ParseError& wrong) {
    const auto rest = app.remaining(true);
    if (wrong.get_exit_code() != static_cast<int>(CLI::ExitCodes::RequiredError) || rest.empty())
        return app.exit(wrong);
    const auto& first = rest.front();
    complain((first.starts_with('-') ? "no such option: " : "no such command: ") +
             shortened(first) + " (see xenring --help)");
    return usage_error;
}

int run(int argc, char** argv) {
    CLI::App app{"Shared-memory rings between Xen domains"};
    app.name("xenring");
    app.footer(footer);
    app.require_subcommand(1);
    global_options options;
    int status = success;
    app.add_option("--hypervisor", options.hypervisor, "Which hypervisor: see below")
        ->type_name("SPEC");
    app.add_option("--domid", options.domain, "Which domain this is (stand-in only)")
        ->check(CLI::Range(0, first_reserved_domid - 1))
        ->type_name("N");
    app.add_flag("-v,--verbose", options.verbose, "Say on standard error what happens");
    app.add_option_function<std::string>(
           "--log-level", [&options](const auto& level) { options.verbose = level == "info"; },
           "What to say: errors alone (error, the default), or what happens too (info, as -v)")
        ->check(CLI::IsMember({"error", "info"}))
        ->type_name("LEVEL");
    app.set_version_flag("--version", XENRING_VERSION);
    add_demo_command(app, options, status);
    add_hypervisor_commands(app, options, status);
    add_netback_command(app, options, status);
    add_netfront_command(app, options, status);
    add_run_command(app, options, status);
    add_vchan_commands(app, options, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return wrong_words(app, wrong) == 0 ? success : usage_error;
    }
    return status;
}

} // namespace
} // namespace xenring::tools

int main(int argc, char** argv) {
    xenring::tools::open_closed_streams();
    std::signal(SIGPIPE, SIG_IGN); // a reader that went away is an error code where it happens
    try {
        return xenring::tools::run(argc, argv);
    } catch (const xenring::tools::usage_problem& problem) {
        xenring::tools::complain(problem.what());
        return xenring::tools::usage_error;
    } catch (const std::exception& problem) {
        xenring::tools::complain(problem.what());
        return xenring::tools::failure;
    }
}
