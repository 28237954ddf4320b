#include <xenring/grant/domain.hpp>

#include <utility>

namespace xenring {

domain::domain(boost::asio::any_io_executor executor, std::string_view specification)
    : domain{std::move(executor), open_hypervisor(specification)} {}

domain::domain(boost::asio::any_io_executor executor, std::shared_ptr<xenring::hypervisor> machine)
    : executor_{std::move(executor)}, machine_{std::move(machine)},
      store_{std::make_shared<xenring::store>(executor_, machine_->open_store())} {}

domain::domain(boost::asio::any_io_executor executor, std::shared_ptr<xenring::hypervisor> machine,
               error_code& ec)
    : executor_{std::move(executor)}, machine_{std::move(machine)} {
    ec.clear();
    if (auto pipe = machine_->open_store(ec))
        store_ = std::make_shared<xenring::store>(executor_, std::move(pipe));
}

} // namespace xenring
