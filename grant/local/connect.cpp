#include <xenring/grant/local/client.hpp>
#include <xenring/grant/local/connect.hpp>
#include <xenring/grant/local/socket_link.hpp>

namespace xenring::local {

std::shared_ptr<hypervisor> connect(const connect_options& options, error_code& ec) {
    ec.clear();
    auto plan = std::make_shared<fault_plan>();
    for (const auto& wanted : parse_faults(options.fault, ec))
        plan->fail(wanted.what, wanted.nth, wanted.code);
    if (ec)
        return nullptr;
    auto connection = std::make_shared<socket_link>(options.directory, options.self, ec);
    if (ec)
        return nullptr;
    return std::make_shared<client>(std::move(connection), std::move(plan), options.why);
}

} // namespace xenring::local
