// A store on sockets in a directory of its own, served by a thread.
#pragma once

#include "store_fixture.hpp"

#include <xenring/grant/local/store_listener.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <filesystem>
#include <list>
#include <thread>

namespace xenring {

class store_socket_fixture : public store_fixture {
protected:
    store_socket_fixture() {
        std::string name = (std::filesystem::temp_directory_path() / "xenring-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
        for (std::uint16_t domain = 0; domain <= 2; ++domain)
            listen(domain);
        runner = std::thread{[this] { serving.run(); }};
    }

    ~store_socket_fixture() override {
        listeners.clear();
        work.reset();
        runner.join();
        std::filesystem::remove_all(directory);
    }

    void listen(std::uint16_t domain) {
        error_code ec;
        listeners.emplace_back(serving.get_executor(), server, domid{domain}, socket_of(domain),
                               ec);
        EXPECT_FALSE(ec) << ec.message();
    }

    std::string socket_of(std::uint16_t domain) const {
        return (directory / ("store-" + std::to_string(domain))).string();
    }

    store connect_socket(std::uint16_t domain) {
        error_code ec;
        auto pipe = open_store_pipe(socket_of(domain), ec);
        EXPECT_FALSE(ec) << ec.message();
        return {context.get_executor(), std::move(pipe)};
    }

    std::filesystem::path directory;
    boost::asio::io_context serving;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        serving.get_executor()};
    std::list<local::store_listener> listeners;
    std::thread runner;
};

} // namespace xenring
