// xenring run: starts an unmodified Xen program on the stand-in.
#include "common.hpp"
#include "stand_in.hpp"

#include <xenring/grant/error.hpp>
#include <xenring/grant/local/connect.hpp>
#include <xenring/grant/local/runtime_directory.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

namespace xenring::tools {
namespace {

/// Where libxengnttab.so.1 and libxenevtchn.so.1 of the stand-in are: beside the command in the
/// build tree, or where they were installed.
std::filesystem::path compat_directory() {
    const auto own = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& place : {own / "../compat", std::filesystem::path{XENRING_COMPAT_DIRECTORY}})
        if (std::filesystem::exists(place / "libxengnttab.so.1"))
            return std::filesystem::canonical(place);
    throw error{errno_code(ENOENT), "find the stand-in's libxengnttab.so.1, in " +
                                        (own / "../compat").string() + " or " +
                                        XENRING_COMPAT_DIRECTORY};
}

void put_before(const char* variable, const std::string& value) {
    const char* before = std::getenv(variable);
    ::setenv(variable, (before && *before ? value + ':' + before : value).c_str(), 1);
}

int run(const global_options& options, const std::vector<std::string>& words) {
    const auto wanted = stand_in(options);
    { // joining once makes the domain, and with it its socket to the store
        error_code ec;
        auto machine = local::connect(
            {.directory = wanted.directory, .self = wanted.self, .fault = {}, .why = {}}, ec);
        throw_if(ec, ec == errc::no_hypervisor
                         ? none_runs_in(wanted.directory)
                         : "join the stand-in hypervisor in " + wanted.directory);
    }
    ::setenv("XENRING_HYPERVISOR", ("local:" + wanted.directory).c_str(), 1);
    ::setenv("XENRING_DOMID", std::to_string(wanted.self.value).c_str(), 1);
    ::setenv("XENSTORED_PATH", local::store_socket_path(wanted.directory, wanted.self).c_str(), 1);
    put_before("LD_LIBRARY_PATH", compat_directory().string());
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    throw error{errno_code(errno), "run " + words[0]};
}

} // namespace

void add_run_command(CLI::App& app, const global_options& options, int& status) {
    auto* command =
        app.add_subcommand("run", "Run an unmodified Xen program as a domain of the stand-in");
    auto words = std::make_shared<std::vector<std::string>>();
    command->add_option("PROGRAM", *words, "The program and its arguments, behind --")->required();
    command->callback([&, words] { status = run(options, *words); });
}

} // namespace xenring::tools
