#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace xenring::test {

/// Runs handlers until the condition holds; false after a minute, which no machine needs.
template <class Condition>
bool eventually(boost::asio::io_context& io, Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit)
            return false;
        io.restart();
        io.run_for(std::chrono::milliseconds{1});
    }
    return true;
}

} // namespace xenring::test
