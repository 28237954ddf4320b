// Opening a channel without blocking the executor, and waiting for a server that is not there yet.
#pragma once

#include <xenring/vchan/stream_core.hpp>

#include <memory>
#include <string>

namespace xenring::vchan::detail {

/// What is to be opened. The base path is absolute and was checked.
struct opening_request {
    ring::vchan_role role = ring::vchan_role::client;
    domid peer;
    std::string base;
    options chosen;
};

/// Turns what the caller said into a request. Errors: errc::loopback_refused, errc::bad_geometry,
/// errc::path_too_long, invalid_argument; already_connected if the stream is open.
opening_request make_request(stream_core& core, ring::vchan_role role, domid peer,
                             std::string_view path, const options& chosen, error_code& ec);

/// Opens and adopts, blocking. Errors: open_server()'s or open_client()'s; the last one if a
/// client waited in vain.
void open_now(stream_core& core, const opening_request& request, error_code& ec);

/// The same in the background. The core can be cancelled meanwhile.
void start_open(std::shared_ptr<stream_core> core, opening_request request,
                stream_core::wait_handler handler);

} // namespace xenring::vchan::detail
