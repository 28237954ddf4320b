// A domain of this process speaks with a store of this process: no socket, no thread.
#pragma once

#include <xenring/grant/local/store_server.hpp>
#include <xenring/grant/store_pipe.hpp>

#include <memory>

namespace xenring::local {

/// A connection of a domain to a store in the same process. What is written is answered at once, on
/// the thread that writes; an eventfd makes the descriptor poll readable when there is something to
/// read, from other domains' doing too. Ends (eof) when the domain is released. Throws
/// xenring::error if no eventfd can be had.
std::unique_ptr<store_pipe> open_in_process(std::shared_ptr<store_server> server, domid domain);

} // namespace xenring::local
