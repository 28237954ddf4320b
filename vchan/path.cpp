#include <xenring/grant/shortened.hpp>
#include <xenring/grant/store_wire.hpp>
#include <xenring/vchan/path.hpp>

#include <boost/asio/error.hpp>

namespace xenring::vchan {

std::string base_path(std::string_view path, domid server, domid client, error_code& ec) {
    ec.clear();
    std::string base;
    if (!path.starts_with('/')) {
        base = "/local/domain/" + std::to_string(server.value) + "/";
        if (path.find('/') == path.npos)
            base += "data/vchan/" + std::to_string(client.value) + "/";
    }
    base += path;
    const auto longest_key = base + "/event-channel";
    if (longest_key.size() > store_wire::absolute_path_max)
        ec = errc::path_too_long;
    else if (path.empty() || !store_wire::valid_path(longest_key))
        ec = boost::asio::error::invalid_argument;
    return base;
}

std::string base_path(std::string_view path, domid server, domid client) {
    error_code ec;
    auto base = base_path(path, server, client, ec);
    if (!ec)
        return base;
    auto what = "vchan path '" + xenring::detail::shortened(path) + "'";
    if (ec != errc::path_too_long)
        what += " (letters, digits and -/_@ only; no empty part, no / at the end)";
    throw error{ec, what};
}

} // namespace xenring::vchan
