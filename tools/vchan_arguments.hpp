// What `xenring vchan` is asked for, checked while the command line is read.
#pragma once

#include <xenring/vchan/options.hpp>

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace xenring::tools {

struct vchan_arguments {
    std::uint16_t peer = 0;
    std::string path;
    bool keep = false;
    bool close_when_taken = false;
    vchan::options channel;
};

/// The options of both ends.
void add_common_options(CLI::App& command, vchan_arguments& arguments);
void add_listen_options(CLI::App& command, vchan_arguments& arguments);
void add_connect_options(CLI::App& command, vchan_arguments& arguments);

} // namespace xenring::tools
