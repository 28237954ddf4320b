// A store in this process, and domains that speak with it.
#pragma once

#include <xenring/grant/local/store_in_process.hpp>
#include <xenring/grant/local/store_server.hpp>
#include <xenring/grant/store.hpp>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace xenring {

class store_fixture : public testing::Test {
protected:
    explicit store_fixture(const local::store_quotas& quotas = {})
        : server{std::make_shared<local::store_server>(quotas)} {
        server->introduce(domid{1});
        server->introduce(domid{2});
    }

    store connect(std::uint16_t domain) {
        return {context.get_executor(), local::open_in_process(server, domid{domain})};
    }

    std::shared_ptr<local::store_server> server;
    boost::asio::io_context context;
};

inline error_code enoent() {
    return errno_code(ENOENT);
}
inline error_code eacces() {
    return errno_code(EACCES);
}

} // namespace xenring
