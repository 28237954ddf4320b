// What every subcommand shares: the global options, the exit statuses, messages on standard error.
#pragma once

#include <xenring/grant/shortened.hpp>
#include <xenring/grant/types.hpp>

#include <optional>
#include <stdexcept>
#include <string>

namespace CLI {
class App;
}

namespace xenring::tools {

/// Exit statuses of the command; `xenring --help` shows them.
enum exit_status : int {
    success = 0,     ///< done; a peer that closed in order, a service that SIGTERM ended
    failure = 1,     ///< an error, told on standard error: a peer that died, a failed call
    usage_error = 2, ///< wrong arguments
    by_signal = 128, ///< plus the signal's number, after closing in order
};

/// Wrong arguments, or wrong variables in the environment; what() is for people.
class usage_problem : public std::runtime_error {
public:
    using runtime_error::runtime_error;
};

/// Options that stand before the subcommand.
struct global_options {
    std::string hypervisor;              ///< --hypervisor; empty: found out
    std::optional<std::uint16_t> domain; ///< --domid; the stand-in only
    bool verbose = false;

    /// The text for open_hypervisor(). Throws usage_problem if it, or the environment, is not one.
    std::string specification() const;
};

/// For a text of the user's that goes into a message.
using xenring::detail::shortened;

/// A variable of the environment; empty if it is not set.
std::string from_environment(const char* name);

/// "xenring: TEXT" on standard error.
void complain(const std::string& text);
/// The same if --verbose was given.
void remark(const global_options& options, const std::string& text);

void add_demo_command(CLI::App& app, const global_options& options, int& status);
void add_hypervisor_commands(CLI::App& app, const global_options& options, int& status);
void add_netback_command(CLI::App& app, const global_options& options, int& status);
void add_netfront_command(CLI::App& app, const global_options& options, int& status);
void add_run_command(CLI::App& app, const global_options& options, int& status);
void add_vchan_commands(CLI::App& app, const global_options& options, int& status);

} // namespace xenring::tools
