// A program's standing in its domain: the hypervisor it runs on, an executor, and the store.
#pragma once

#include <xenring/grant/hypervisor.hpp>
#include <xenring/grant/store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string_view>

namespace xenring {

/// What channels and devices are opened on. Cheap to copy: copies share the hypervisor and the one
/// connection to the store, which carries any number of requests and watches at a time.
///
///     boost::asio::io_context io;
///     xenring::domain here{io.get_executor()};   // Xen if it is there, else the stand-in
///
/// Thread safety: safe to use from any thread.
class domain {
public:
    /// Opens what open_hypervisor(specification) names, and its store. Throws xenring::error.
    explicit domain(boost::asio::any_io_executor executor, std::string_view specification = {});
    domain(boost::asio::any_io_executor executor, std::shared_ptr<xenring::hypervisor> machine);
    domain(boost::asio::any_io_executor executor, std::shared_ptr<xenring::hypervisor> machine,
           error_code& ec);

    const boost::asio::any_io_executor& get_executor() const noexcept { return executor_; }
    xenring::hypervisor& hypervisor() const noexcept { return *machine_; }
    const std::shared_ptr<xenring::hypervisor>& shared_hypervisor() const noexcept {
        return machine_;
    }
    xenring::store& store() const noexcept { return *store_; }
    domid self() const noexcept { return machine_->self(); }

private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<xenring::hypervisor> machine_;
    std::shared_ptr<xenring::store> store_;
};

} // namespace xenring
