// What a user chooses for `xenring netback`.
#pragma once

#include <xenring/backend/netback.hpp>

#include <string>

namespace CLI {
class App;
}

namespace xenring::tools {

struct netback_arguments {
    backend::netback::options options; ///< but its handlers
    std::string statistics;            ///< a socket; empty: none
    std::string statistics_file;       ///< for SIGUSR1; empty: standard error
};

/// Declares the options; they are in `arguments`, which must live as long, once they are parsed.
void add_netback_options(CLI::App& command, netback_arguments& arguments);

} // namespace xenring::tools
