#pragma once

#include <xenring/backend/netback.hpp>
#include <xenring/grant/domain.hpp>
#include <xenring/grant/local.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace xenring::backend::test {

/// A netback in a process of its own in domain 0, which is killed in the end: it writes no state
/// and unmaps nothing in order.
class killable_netback {
public:
    killable_netback(local::machine& machine, netback::options options)
        : program_{machine.open(domid{0})}, netback_{std::make_shared<netback>(
                                                domain{io_.get_executor(), program_},
                                                std::move(options))} {
        netback_->start({});
    }
    ~killable_netback() { local::kill_process(*program_); }

    killable_netback(const killable_netback&) = delete;
    killable_netback& operator=(const killable_netback&) = delete;

    void run_for(std::chrono::milliseconds time) {
        io_.restart();
        io_.run_for(time);
    }

private:
    std::shared_ptr<hypervisor> program_;
    boost::asio::io_context io_;
    std::shared_ptr<netback> netback_;
};

} // namespace xenring::backend::test
