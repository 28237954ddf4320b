// The stand-in hypervisor, all of it: in this process (machine), served to others (server), and
// from others (connect, control).
#pragma once

#include <xenring/grant/local/connect.hpp>
#include <xenring/grant/local/control.hpp>
#include <xenring/grant/local/machine.hpp>
#include <xenring/grant/local/runtime_directory.hpp>
#include <xenring/grant/local/server.hpp>
